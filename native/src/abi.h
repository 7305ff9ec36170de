// The boundary: plain C, called through ctypes. `mlplab/engines/native_abi.py` mirrors it.
//
// Every struct begins with its own size, which tells versions apart. Sizes and pointers are
// checked before anything runs; what does not fit is refused with a negative code.
#pragma once

#include <stdint.h>

#define MLP_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

enum { MLP_ABI_VERSION = 5 };

enum mlp_code {
  MLP_OK = 0,            // all epochs that were asked for, or the rule stopped
  MLP_AGAIN = 1,         // the time budget is spent: call again
  MLP_NOT_FINITE = 2,    // a row holds NaN or infinity: nothing was predicted
  MLP_BAD_STRUCT = -1,   // a struct of another version
  MLP_BAD_VALUE = -2,    // a size, a kind or a pointer that cannot be
  MLP_BAD_ORDER = -3,    // a row number outside of the rows
  MLP_NO_MEMORY = -4,
  MLP_NO_ISA = -5        // an instruction set that this machine does not have
};

enum mlp_dtype { MLP_FLOAT32 = 0, MLP_FLOAT64 = 1 };
enum mlp_kind { MLP_DENSE = 0, MLP_ACTIVATION = 1, MLP_DROPOUT = 2 };
enum mlp_function {
  MLP_IDENTITY, MLP_LOGISTIC, MLP_TANH, MLP_RELU, MLP_LEAKY_RELU, MLP_ELU, MLP_SELU, MLP_GELU,
  MLP_SILU, MLP_MISH, MLP_SOFTPLUS, MLP_N_FUNCTIONS
};
enum mlp_loss {
  MLP_BINARY_LOG_LOSS, MLP_LOG_LOSS, MLP_BINARY_FOCAL, MLP_FOCAL, MLP_BINARY_HINGE, MLP_HINGE,
  MLP_SQUARED_ERROR, MLP_ABSOLUTE_ERROR, MLP_HUBER, MLP_POISSON, MLP_PROBABILITY_SQUARED_LOGISTIC,
  MLP_PROBABILITY_SQUARED_SOFTMAX, MLP_N_LOSSES
};
enum mlp_optimiser {
  MLP_SGD, MLP_MOMENTUM, MLP_NESTEROV, MLP_ADAM, MLP_ADAMW, MLP_NADAM, MLP_RMSPROP, MLP_ADAGRAD,
  MLP_N_OPTIMISERS
};
enum mlp_monitor { MLP_TRAINING_LOSS, MLP_VALIDATION_LOSS, MLP_VALIDATION_SCORE };
enum mlp_score { MLP_NO_SCORE, MLP_ACCURACY_EXCLUSIVE, MLP_ACCURACY_LABELS, MLP_R2, MLP_R2_EXP };
enum mlp_stop {
  MLP_RUNNING, MLP_MAX_EPOCHS, MLP_PLATEAU, MLP_RATE_TOO_SMALL, MLP_DIVERGED
};

typedef struct {
  int32_t kind, function;      // function: of an activation
  int64_t layer;               // index in the network, a coordinate of the dropout hash
  int64_t fan_in, fan_out;     // equal but for dense layers
  double factor;               // dropout: 1/(1-rate)
  uint64_t threshold;          // dropout: rate·2^53
} mlp_op;

typedef struct {
  uint64_t size;
  int32_t dtype, n_ops;
  const mlp_op* ops;
  int32_t loss, n_groups;
  const int64_t* groups;         // sizes of groups of outputs
  const double* label_weights;   // per output: of zeros, of ones; or null
  double smoothing, gamma, delta, reported_scale;
  int32_t optimiser, monitor, score, adaptive, forgets_best, manual_close;
  double beta_1, beta_2, epsilon, decay;   // momentum is beta_1
  double l2, l1, weight_decay, clip_norm, clip_value;  // limits below zero: none
  int64_t batch_size;
  uint64_t dropout_seed;
  int64_t max_epochs;
  double tolerance, patience, initial_rate;
  int32_t n_threads, isa;        // isa: 0 the best there is, else 1 + its place in mlp_isa_name
} mlp_config;

typedef struct {
  uint64_t size;
  int64_t n_rows, n_columns;
  int64_t n_stored;              // rows of x, target and weight, which orders name; at least n_rows
  const void* x;                 // (n_stored, n_columns), or the values of CSR
  const int64_t *indices, *indptr;   // both null for a dense x
  const void *target, *weight;   // weight may be null
  const double *r2_total;        // per output Σ s (y - mean)², for the score r2
} mlp_rows;

typedef struct {
  uint64_t size;
  int64_t step, epoch, samples_seen, origin_step, origin_epoch, first_epoch, divisions;
  int64_t no_improvement, best_epoch;      // best_epoch: -1 for none
  double best_figure, figure_to_beat, mu_product;
  int32_t stop, improved;                  // improved: best parameters are new
} mlp_state;

typedef struct {
  double loss, validation_loss, validation_score, learning_rate, gradient_norm, seconds;
} mlp_record;

typedef struct mlp_network mlp_network;

MLP_API int32_t mlp_abi_version(void);
// Sizes of the structs op, config, rows, state, task, predictor.
MLP_API void mlp_struct_sizes(uint64_t sizes[6]);
MLP_API int32_t mlp_n_isas(void);
MLP_API const char* mlp_isa_name(int32_t index);
MLP_API int32_t mlp_isa_available(int32_t index);
MLP_API int32_t mlp_best_isa(void);

// Parameters and slots are flat, as in Python; n_parameters is their length.
MLP_API int32_t mlp_create(const mlp_config* config, const mlp_rows* rows, const mlp_rows* validation,
                   const mlp_state* state, const void* parameters, const void* slot_1,
                   const void* slot_2, int64_t n_parameters, mlp_network** out);
// Runs up to n_epochs epochs, beginning with record number *done, until the budget is spent.
// orders: (n_epochs, n_rows), or null for the first n_rows as they stand. rates: one a step (rates_a_step != 0) or one an epoch.
MLP_API int32_t mlp_run(mlp_network* network, const int64_t* orders, const double* rates,
                int32_t rates_a_step, int64_t n_epochs, double budget_seconds,
                mlp_record* records, int64_t* done);
MLP_API int32_t mlp_export(const mlp_network* network, mlp_state* state, void* parameters, void* slot_1,
                   void* slot_2, void* best, int64_t n_parameters);
MLP_API int32_t mlp_objective(mlp_network* network, double* value, double* reported, void* gradient,
                      int64_t n_parameters);
MLP_API void mlp_destroy(mlp_network* network);

typedef struct {
  mlp_network* network;
  const int64_t* orders;
  const double* rates;
  int64_t n_epochs;
  mlp_record* records;
  int64_t done;
  int32_t rates_a_step, code;
} mlp_task;

// Threads that work through tasks, as many as are brought, while their caller goes on. Task and
// network are the crew's from `add` until `wait` hands the task back or `stop` returns.
typedef struct mlp_crew mlp_crew;
MLP_API int32_t mlp_crew_create(int32_t n_threads, double slice_seconds, mlp_crew** out);
MLP_API int32_t mlp_crew_add(mlp_crew* crew, mlp_task* const* tasks, int64_t n_tasks);
// Waits until some are over, none is left or the time is spent. The code of a task that is over
// tells what came of it: MLP_AGAIN where the crew was stopped before its end.
MLP_API int32_t mlp_crew_wait(mlp_crew* crew, double seconds, mlp_task** over, int64_t room,
                              int64_t* n_over);
// Ends what is under way within a slice, between two steps; `wait` hands all of it back.
MLP_API int32_t mlp_crew_stop(mlp_crew* crew);
MLP_API void mlp_crew_destroy(mlp_crew* crew);

enum mlp_link { MLP_LINK_IDENTITY, MLP_LINK_LOGISTIC, MLP_LINK_SOFTMAX, MLP_LINK_EXP, MLP_N_LINKS };

// What predicts. Nothing is kept between calls, so several threads may share one.
typedef struct {
  uint64_t size;
  int32_t dtype, n_ops;
  const mlp_op* ops;
  const void* const* arrays;     // weight (fan_in, fan_out) and bias (fan_out) of each dense layer
  int32_t link, n_groups;
  const int64_t* groups;         // sizes of groups of outputs, for softmax
  int32_t n_threads, isa;        // the most threads; isa as in mlp_config
} mlp_predictor;

enum mlp_how { MLP_THROUGH_LINK = 1, MLP_FINITE_ONLY = 2 };  // bits; finite: dense rows only
MLP_API int32_t mlp_predict(const mlp_predictor* plan, const mlp_rows* rows, int32_t how, void* out);
// The same for dense rows; x: (n_rows, fan_in of the first layer).
MLP_API int32_t mlp_predict_dense(const mlp_predictor* plan, const void* x, int64_t n_rows, int32_t how,
                          void* out);

// Row orders as numpy.random.RandomState draws them: each epoch shuffles the one before.
// key: the 624 words of MT19937; position: how many of them are taken; both move on.
// before: the order before the first epoch; orders: (n_epochs, n_rows), or null to move the
// generator on without any.
MLP_API int32_t mlp_row_orders(uint32_t* key, int64_t n_words, int64_t* position,
                       const int64_t* before, int64_t n_rows, int64_t n_epochs, int64_t* orders);
// For tests: n whole numbers from 0 to largest, which is above 0.
MLP_API int32_t mlp_random_numbers(uint32_t* key, int64_t n_words, int64_t* position,
                       uint64_t largest, uint64_t* out, int64_t n);

// For tests: out[i] = f(x[i]) of an elementary function.
MLP_API int32_t mlp_elementary(int32_t isa, int32_t dtype, int32_t function, const void* x, void* out,
                       int64_t n);

#ifdef __cplusplus
}
#endif
