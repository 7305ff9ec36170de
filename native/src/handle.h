// What a handle of the boundary points to, and work on several threads at once.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "abi.h"
#include "dispatch.h"
#include "thread_pool.h"

namespace mlp {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<void, FreeMemory>;

// Zeros on whole pages; null where there is not enough memory.
Memory zeros(int64_t bytes);

// The same work on several threads, the caller's among them; it must not throw. Where the
// system gives fewer threads, those do it all.
template <class F> void on_threads(int64_t n_threads, const F& work) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(std::max<int64_t>(n_threads, 1)));
  try {
    for (int64_t t = 1; t < n_threads; ++t) threads.emplace_back(work);
  } catch (const std::system_error&) {
  }
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace mlp

struct mlp_network {
  mlp::Setup setup{};
  std::vector<mlp_op> ops;
  std::vector<int64_t> groups;
  std::vector<double> label_weights;
  mlp::Memory arena;
  std::unique_ptr<mlp::ThreadPool> pool;
  mlp::Backend backend{};
  void* trainer = nullptr;
  int64_t n_parameters = 0;
};
