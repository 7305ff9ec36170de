// Many networks at once: each thread takes one network, or a bundle of small ones of equal shape
// that go through the lanes of its registers together (`interleaved.h`). A network has the same
// bits either way, so bundles are formed as is fastest.
#include <atomic>

#include "checks.h"
#include "handle.h"

namespace mlp {
namespace {

using Bundle = std::vector<mlp_task*>;

bool good(const mlp_task& task) {
  return task.network && task.records && within(task.n_epochs, 0, kLargestSize) &&
         within(task.done, 0, task.n_epochs);
}

bool go_together(const mlp_task& one, const mlp_task& other) {
  const Backend& backend = one.network->backend;
  return backend.run == other.network->backend.run && !one.orders == !other.orders &&
         backend.alike(one.network->trainer, other.network->trainer);
}

bool holds(const Bundle& bundle, const mlp_task& task) {
  return std::any_of(bundle.begin(), bundle.end(),
                     [&](const mlp_task* other) { return other->network == task.network; });
}

// Bundles of equal networks, at most as many as there are lanes. The costs of a bundle hardly
// depend on how many lanes are taken, so a few networks left over go alone.
std::vector<Bundle> bundles_of(mlp_task* tasks, int64_t n) {
  std::vector<Bundle> open, closed;
  for (int64_t i = 0; i < n; ++i) {
    mlp_task& task = tasks[i];
    const Backend& backend = task.network->backend;
    if (!backend.interleaves(task.network->trainer)) {
      closed.push_back({&task});
      continue;
    }
    const auto place = std::find_if(open.begin(), open.end(), [&](const Bundle& bundle) {
      return go_together(*bundle.front(), task) && !holds(bundle, task);
    });
    Bundle& bundle = place == open.end() ? open.emplace_back() : *place;
    bundle.push_back(&task);
    if (static_cast<int64_t>(bundle.size()) < backend.n_lanes) continue;
    closed.push_back(std::move(bundle));
    open.erase(open.begin() + (&bundle - open.data()));
  }
  for (const Bundle& bundle : open) {
    const int64_t n_lanes = bundle.front()->network->backend.n_lanes;
    if (3 * static_cast<int64_t>(bundle.size()) >= 2 * n_lanes)
      closed.push_back(bundle);
    else
      for (mlp_task* task : bundle) closed.push_back({task});
  }
  return closed;
}

RunArguments arguments_of(mlp_task& task, double budget) {
  return {task.orders,  task.rates, task.rates && task.rates_a_step != 0,
          task.n_epochs, budget,    task.records,
          &task.done};
}

void run_bundle(const Bundle& bundle, double budget) {
  const mlp_network& first = *bundle.front()->network;
  const Memory arena = zeros(first.backend.lane_bytes(first.trainer));
  std::vector<void*> trainers;
  std::vector<RunArguments> arguments;
  std::vector<int32_t> codes(bundle.size(), MLP_NO_MEMORY);
  for (mlp_task* task : bundle) {
    trainers.push_back(task->network->trainer);
    arguments.push_back(arguments_of(*task, budget));
  }
  if (arena)
    first.backend.run_interleaved(trainers.data(), arguments.data(),
                                  static_cast<int64_t>(bundle.size()), arena.get(),
                                  codes.data());
  for (std::size_t i = 0; i < bundle.size(); ++i) bundle[i]->code = codes[i];
}

void work_through(const std::vector<Bundle>& bundles, std::atomic<std::size_t>& next,
                  double deadline) {
  const FlushDenormals flush;
  for (std::size_t i = next++; i < bundles.size(); i = next++) {
    const double left = deadline - seconds_now();
    if (left <= 0) return;
    mlp_task& task = *bundles[i].front();
    const int32_t code = guarded([&] {
      if (bundles[i].size() > 1) run_bundle(bundles[i], left);
      else task.code = task.network->backend.run(task.network->trainer, arguments_of(task, left));
      return static_cast<int32_t>(MLP_OK);
    });
    if (code != MLP_OK) task.code = code;
  }
}

}  // namespace
}  // namespace mlp

int32_t mlp_run_many(mlp_task* tasks, int64_t n_tasks, int32_t n_threads, double budget_seconds) {
  if (n_tasks < 0 || (n_tasks > 0 && !tasks) || !mlp::within(n_threads, 1, mlp::kMostThreads))
    return MLP_BAD_VALUE;
  for (int64_t i = 0; i < n_tasks; ++i) {
    if (!mlp::good(tasks[i])) return MLP_BAD_VALUE;
    tasks[i].code = MLP_AGAIN;
  }
  return mlp::guarded([&] {
    const double deadline = mlp::seconds_now() + budget_seconds;
    const std::vector<mlp::Bundle> bundles = mlp::bundles_of(tasks, n_tasks);
    std::atomic<std::size_t> next{0};
    mlp::on_threads(std::min<int64_t>(n_threads, static_cast<int64_t>(bundles.size())),
                    [&] { mlp::work_through(bundles, next, deadline); });
    return static_cast<int32_t>(MLP_OK);
  });
}
