// A few threads that wait for the next short piece of work.
//
// `run(work)` calls work(0 … n-1) on n threads, the caller being one of them, and returns when
// all are done. Steps of a network are tens of microseconds apart, so waiting threads spin for a
// while before they sleep. A pool belongs to one network: nothing is shared between calls, and a
// process that forks has none.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace mlp {

class ThreadPool {
 public:
  using Work = void (*)(void* context, int thread, int n_threads);

  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }
  void run(Work work, void* context);

 private:
  void loop(int thread);

  std::vector<std::thread> threads_;
  std::atomic<unsigned> round_{0};
  std::atomic<int> running_{0};
  std::atomic<bool> ending_{false};
  std::atomic<int> sleeping_{0};
  Work work_ = nullptr;
  void* context_ = nullptr;
  std::mutex mutex_;
  std::condition_variable woken_;
};

// Very small numbers become zero while this lives: they cost a hundred times more.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned long long saved_ = 0;
};

}  // namespace mlp
