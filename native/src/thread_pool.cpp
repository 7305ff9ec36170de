#include "thread_pool.h"

#include "setup.h"

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace mlp {

namespace {

// How long a thread waits for work before it lets others have its processor, and before it sleeps.
// A thread that sleeps is often woken on the processor of the one who wakes it, where both then
// take turns while another processor idles; so sleep is for pauses between trainings.
constexpr int kSpins = 4000;
constexpr double kSleepAfterSeconds = 0.02;

inline void relax() {
#if defined(__SSE2__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) {
  threads_.reserve(static_cast<std::size_t>(n_threads > 1 ? n_threads - 1 : 0));
  for (int thread = 1; thread < n_threads; ++thread)
    threads_.emplace_back([this, thread] { loop(thread); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
    ++round_;
  }
  woken_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(Work work, void* context) {
  if (threads_.empty()) {
    work(context, 0, 1);
    return;
  }
  work_ = work;
  context_ = context;
  running_.store(static_cast<int>(threads_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) > 0) {
    const std::lock_guard<std::mutex> lock(mutex_);
    woken_.notify_all();
  }
  work(context, 0, size());
  for (int spin = 0; running_.load(std::memory_order_acquire) > 0; ++spin)
    if (spin < kSpins)
      relax();
    else
      std::this_thread::yield();
}

void ThreadPool::loop(int thread) {
  const FlushDenormals flush;
  unsigned seen = 0;
  for (;;) {
    for (int spin = 0; round_.load(std::memory_order_acquire) == seen && spin < kSpins; ++spin)
      relax();
    const double sleep_at = seconds_now() + kSleepAfterSeconds;
    while (round_.load(std::memory_order_acquire) == seen && seconds_now() < sleep_at)
      std::this_thread::yield();
    if (round_.load(std::memory_order_acquire) == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      sleeping_.fetch_add(1, std::memory_order_seq_cst);
      woken_.wait(lock, [&] { return round_.load(std::memory_order_seq_cst) != seen; });
      sleeping_.fetch_sub(1, std::memory_order_seq_cst);
    }
    ++seen;
    if (ending_) return;
    work_(context_, thread, size());
    running_.fetch_sub(1, std::memory_order_release);
  }
}

FlushDenormals::FlushDenormals() {
#if defined(__SSE2__)
  const unsigned control = _mm_getcsr();
  saved_ = control;
  _mm_setcsr(control | 0x8040U);
#elif defined(__aarch64__)
  std::uint64_t control;
  __asm__ __volatile__("mrs %0, fpcr" : "=r"(control));
  saved_ = control;
  control |= std::uint64_t{1} << 24;
  __asm__ __volatile__("msr fpcr, %0" : : "r"(control));
#endif
}

FlushDenormals::~FlushDenormals() {
#if defined(__SSE2__)
  _mm_setcsr(static_cast<unsigned>(saved_));
#elif defined(__aarch64__)
  __asm__ __volatile__("msr fpcr, %0" : : "r"(static_cast<std::uint64_t>(saved_)));
#endif
}

}  // namespace mlp
