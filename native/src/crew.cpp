// Many networks at once: a crew of threads, each of which takes one network, or a bundle of small
// ones of equal shape that go through the lanes of its registers together (`interleaved.h`). A
// network has the same bits either way, so bundles are formed as is fastest. The caller goes on
// meanwhile: it brings more tasks, and fetches those that are over.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

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

// What came of it stands in the code of each task.
void run(const Bundle& bundle, double budget) {
  mlp_task& first = *bundle.front();
  const int32_t code = guarded([&] {
    if (bundle.size() > 1) run_bundle(bundle, budget);
    else first.code = first.network->backend.run(first.network->trainer,
                                                 arguments_of(first, budget));
    return static_cast<int32_t>(MLP_OK);
  });
  if (code != MLP_OK)
    for (mlp_task* task : bundle) task->code = code;
}

}  // namespace
}  // namespace mlp

struct mlp_crew {
  mlp_crew(int32_t n_threads, double slice) : n_threads_(n_threads), slice_(slice) {}
  ~mlp_crew();
  mlp_crew(const mlp_crew&) = delete;
  mlp_crew& operator=(const mlp_crew&) = delete;

  int32_t add(mlp_task* const* tasks, int64_t n);
  int64_t wait(double seconds, mlp_task** over, int64_t room);
  void stop();

 private:
  using Lock = std::unique_lock<std::mutex>;

  bool holds(const mlp_network* network) const;
  void hire();
  void loop();
  void work(Lock& lock);
  mlp::Bundle next_bundle();

  const int32_t n_threads_;
  const double slice_;
  std::mutex mutex_;
  std::condition_variable brought_, over_;
  std::deque<mlp_task*> waiting_;
  std::vector<mlp_task*> running_, finished_;
  std::vector<std::thread> threads_;
  bool stopping_ = false, ending_ = false;
};

mlp_crew::~mlp_crew() {
  stop();
  {
    const Lock lock(mutex_);
    ending_ = true;
  }
  brought_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool mlp_crew::holds(const mlp_network* network) const {
  const auto same = [&](const mlp_task* task) { return task->network == network; };
  return std::any_of(waiting_.begin(), waiting_.end(), same) ||
         std::any_of(running_.begin(), running_.end(), same);
}

int32_t mlp_crew::add(mlp_task* const* tasks, int64_t n) {
  const Lock lock(mutex_);
  const std::size_t n_before = waiting_.size();
  const auto n_more = static_cast<std::size_t>(n);
  // Threads never have to ask for memory to hand in what is over.
  running_.reserve(n_before + n_more + running_.size());
  finished_.reserve(n_before + n_more + running_.size() + finished_.size());
  threads_.reserve(static_cast<std::size_t>(n_threads_));
  try {
    for (int64_t i = 0; i < n; ++i) {
      // Two threads must never be in one network.
      if (!tasks[i] || !mlp::good(*tasks[i]) || holds(tasks[i]->network)) {
        waiting_.resize(n_before);
        return MLP_BAD_VALUE;
      }
      tasks[i]->code = MLP_AGAIN;
      waiting_.push_back(tasks[i]);
    }
    hire();
  } catch (...) {
    waiting_.resize(n_before);
    throw;
  }
  brought_.notify_all();
  return MLP_OK;
}

// Where the system gives fewer threads those do it all, or who waits for them.
void mlp_crew::hire() {
  const std::size_t wanted =
      std::min<std::size_t>(static_cast<std::size_t>(n_threads_), waiting_.size() + running_.size());
  try {
    while (threads_.size() < wanted) threads_.emplace_back([this] { loop(); });
  } catch (const std::system_error&) {
  }
}

void mlp_crew::loop() {
  Lock lock(mutex_);
  for (;;) {
    brought_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
    if (ending_) return;
    work(lock);
  }
}

// One bundle for one slice of time. What has to go on comes first again: few under way and soon
// over are better than many half done.
void mlp_crew::work(Lock& lock) {
  const mlp::Bundle bundle = next_bundle();
  running_.insert(running_.end(), bundle.begin(), bundle.end());
  lock.unlock();
  {
    const mlp::FlushDenormals flush;
    mlp::run(bundle, slice_);
  }
  lock.lock();
  for (auto task = bundle.rbegin(); task != bundle.rend(); ++task) {
    running_.erase(std::find(running_.begin(), running_.end(), *task));
    if ((*task)->code == MLP_AGAIN && !stopping_) waiting_.push_front(*task);
    else finished_.push_back(*task);
  }
  over_.notify_all();
  // A bundle that broke up may leave work for several threads.
  if (!waiting_.empty()) brought_.notify_all();
}

// The first that waits, with those that may share its registers, at most as many as there are
// lanes. A bundle costs about the same however many lanes are taken, so a few go alone.
mlp::Bundle mlp_crew::next_bundle() {
  mlp::Bundle bundle{waiting_.front()};
  waiting_.pop_front();
  const mlp_task& first = *bundle.front();
  const mlp::Backend& backend = first.network->backend;
  if (!backend.interleaves(first.network->trainer)) return bundle;
  const auto n_lanes = static_cast<std::size_t>(backend.n_lanes);
  for (mlp_task* task : waiting_)
    if (bundle.size() < n_lanes && mlp::go_together(first, *task)) bundle.push_back(task);
  if (3 * bundle.size() < 2 * n_lanes) bundle.resize(1);
  const auto taken = [&](mlp_task* task) {
    return std::find(bundle.begin(), bundle.end(), task) != bundle.end();
  };
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), taken), waiting_.end());
  return bundle;
}

int64_t mlp_crew::wait(double seconds, mlp_task** over, int64_t room) {
  Lock lock(mutex_);
  const auto something = [&] {
    return !finished_.empty() || (waiting_.empty() && running_.empty());
  };
  if (threads_.empty() && !waiting_.empty()) work(lock);
  over_.wait_for(lock, std::chrono::duration<double>(seconds), something);
  const auto n = std::min<std::size_t>(finished_.size(), static_cast<std::size_t>(room));
  std::copy_n(finished_.begin(), n, over);
  finished_.erase(finished_.begin(), finished_.begin() + static_cast<std::ptrdiff_t>(n));
  return static_cast<int64_t>(n);
}

void mlp_crew::stop() {
  Lock lock(mutex_);
  stopping_ = true;
  finished_.insert(finished_.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
  over_.wait(lock, [&] { return running_.empty(); });
  stopping_ = false;
}

int32_t mlp_crew_create(int32_t n_threads, double slice_seconds, mlp_crew** out) {
  if (!out || !mlp::within(n_threads, 1, mlp::kMostThreads) || !(slice_seconds > 0))
    return MLP_BAD_VALUE;
  return mlp::guarded([&] {
    *out = new mlp_crew(n_threads, slice_seconds);
    return static_cast<int32_t>(MLP_OK);
  });
}

int32_t mlp_crew_add(mlp_crew* crew, mlp_task* const* tasks, int64_t n_tasks) {
  if (!crew || n_tasks < 0 || (n_tasks > 0 && !tasks)) return MLP_BAD_VALUE;
  return mlp::guarded([&] { return crew->add(tasks, n_tasks); });
}

int32_t mlp_crew_wait(mlp_crew* crew, double seconds, mlp_task** over, int64_t room,
                      int64_t* n_over) {
  if (!crew || !over || !n_over || room < 1 || !(seconds >= 0)) return MLP_BAD_VALUE;
  return mlp::guarded([&] {
    *n_over = crew->wait(seconds, over, room);
    return static_cast<int32_t>(MLP_OK);
  });
}

int32_t mlp_crew_stop(mlp_crew* crew) {
  if (!crew) return MLP_BAD_VALUE;
  return mlp::guarded([&] {
    crew->stop();
    return static_cast<int32_t>(MLP_OK);
  });
}

void mlp_crew_destroy(mlp_crew* crew) { delete crew; }
