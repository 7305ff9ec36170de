// What the boundary hands to the code of an instruction set, and what it gets back.
#pragma once

#include "abi.h"

namespace mlp {

using Work = void (*)(void* context, int thread, int n_threads);

// A checked plan with its data. Pointers to data are the caller's; the rest is owned.
struct Setup {
  mlp_config config;
  mlp_rows rows;
  mlp_rows validation;
  bool has_validation;
  int n_threads;
  void* pool;    // null with one thread
};

struct RunArguments {
  const int64_t* orders;
  const double* rates;
  bool rates_a_step;
  int64_t n_epochs;
  double budget;
  mlp_record* records;
  int64_t* done;
};

// One type of numbers on one instruction set. `trainer` points to the head of the arena.
struct Backend {
  int64_t (*arena_bytes)(const Setup& setup);
  void* (*place)(const Setup& setup, void* arena);
  void (*load)(void* trainer, const mlp_state& state, const void* parameters, const void* slot_1,
               const void* slot_2);
  int32_t (*run)(void* trainer, const RunArguments& arguments);
  void (*save)(const void* trainer, mlp_state& state, void* parameters, void* slot_1,
               void* slot_2, void* best);
  void (*objective)(void* trainer, double* value, double* reported, void* gradient);
  void (*elementary)(int32_t function, const void* x, void* out, int64_t n);
  // Networks in lanes: how many go together, which, in what memory; see `interleaved.h`.
  int64_t n_lanes;
  bool (*interleaves)(const void* trainer);
  bool (*alike)(const void* one, const void* other);
  int64_t (*lane_bytes)(const void* trainer);
  void (*run_interleaved)(void* const* trainers, const RunArguments* arguments, int64_t n,
                          void* arena, int32_t* codes);
};

// Predictions with one type of numbers on one instruction set; sizes are in bytes.
struct PredictionBackend {
  int64_t (*panels_size)(const mlp_predictor& plan);
  void (*fill_panels)(const mlp_predictor& plan, void* panels);
  int64_t (*scratch_size)(const mlp_predictor& plan, const mlp_rows& rows, int64_t n);
  void (*predict_rows)(const mlp_predictor& plan, const void* panels, const mlp_rows& rows,
                       int64_t from, int64_t n, void* scratch, void* out);
  void (*apply_link)(const mlp_predictor& plan, void* out, int64_t n_rows);
  bool (*all_finite)(const void* x, int64_t n);
};

// Defined once, compiled for the machine at large.
double seconds_now();
void run_in_parallel(void* pool, Work work, void* context);

}  // namespace mlp
