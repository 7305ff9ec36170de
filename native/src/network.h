// How a network lies in memory.
//
// Parameters of a dense layer are stored in column panels, [panel][fan_in + 1][panel width], the
// bias as the last row of each panel, padded with zeros to whole registers. Gradient, optimiser
// slots and best parameters have the same layout, so an update is one pass over equal ranges.
// Layers after the first also keep a transposed copy, [panel of fan_in][fan_out][panel width],
// for dX = D Wᵀ. Values are row by row, each row padded to whole registers.
#pragma once

#include "losses.h"
#include "micro_kernels.h"
#include "setup.h"

namespace mlp::MLP_ISA {

// Hands out pieces of one block of memory; without a block it only counts.
class Arena {
 public:
  explicit Arena(void* memory) : memory_(static_cast<char*>(memory)) {}
  template <class U> U* take(i64 n) {
    used_ = round_up(used_, kAlignment);
    char* place = memory_ ? memory_ + used_ : nullptr;
    used_ += n * static_cast<i64>(sizeof(U));
    return reinterpret_cast<U*>(place);
  }
  // A register beyond the end may be read.
  i64 used() const { return round_up(used_, kAlignment) + kAlignment; }

 private:
  static constexpr i64 kAlignment = 128;
  char* memory_;
  i64 used_ = 0;
};

// Row stride of values: whole registers, and never a multiple of 256 bytes, which would put the
// same column of many rows into the same few sets of the cache.
template <class T> static inline i64 stride_of(i64 width) {
  i64 stride = Panels<T>(width).padded();
  constexpr i64 line = 64 / static_cast<i64>(sizeof(T));
  if (stride * static_cast<i64>(sizeof(T)) % 256 == 0) stride += most(line, lanes<T>);
  return stride;
}

template <class T> struct DenseLayer {
  i64 fan_in, fan_out;
  i64 flat;        // where the layer begins in the flat vector
  i64 start;       // where it begins in the padded one
  Panels<T> out, in;
  T* transposed;   // or null
  i64 transposed_at;
  const T* input;  // values that come in; null: the rows themselves
  i64 input_stride;
  T* d;            // gradient with respect to the layer's value, later to its pre-activation
  i64 stride;      // of d and of the value
};

template <class T> struct Op {
  mlp_op spec;
  i64 dense;         // index of the dense layer at or before it; -1 before any
  const T* input;    // null: the rows themselves
  i64 input_stride;
  T* value;          // may be the input, where only the value is needed again
  i64 stride;
  T* scale;          // of dropout
};

// A part of the parameters that one thread updates in one go.
struct Unit {
  i64 dense, panel, row, end;   // rows of the panel; the bias is row fan_in
};

// Where a thread is in its share of the units; in a cache line of its own.
struct alignas(64) Share {
  i64 next;
};

constexpr i64 kUnitRows = 96;
constexpr i64 kBlockRows = 256;

// Large batches go through the network in blocks of nearly equal size.
static inline i64 block_of(i64 batch) {
  const i64 n_blocks = (batch + kBlockRows - 1) / kBlockRows;
  return n_blocks > 1 ? round_up((batch + n_blocks - 1) / n_blocks, 16) : batch;
}

// Flat to panels and back; `padded` is the layer's first number in panels.
template <class T>
static void to_panels(const DenseLayer<T>& layer, const T* flat, T* padded) {
  for (i64 p = 0; p < layer.out.count; ++p) {
    T* panel = padded + layer.out.offset(p, layer.fan_in + 1);
    const i64 width = layer.out.width(p), first = layer.out.start(p);
    const i64 columns = least(width, layer.fan_out - first);
    for (i64 i = 0; i <= layer.fan_in; ++i)
      for (i64 j = 0; j < columns; ++j) panel[i * width + j] = flat[i * layer.fan_out + first + j];
  }
}
template <class T>
static void from_panels(const DenseLayer<T>& layer, const T* padded, T* flat) {
  for (i64 p = 0; p < layer.out.count; ++p) {
    const T* panel = padded + layer.out.offset(p, layer.fan_in + 1);
    const i64 width = layer.out.width(p), first = layer.out.start(p);
    const i64 columns = least(width, layer.fan_out - first);
    for (i64 i = 0; i <= layer.fan_in; ++i)
      for (i64 j = 0; j < columns; ++j) flat[i * layer.fan_out + first + j] = panel[i * width + j];
  }
}

// Refresh the transposed copy of rows [row, end) of a panel of weights, a square of registers at
// a time; `row` is a multiple of the lanes. Padding stays zero.
template <class T>
static void transpose_part(const DenseLayer<T>& layer, const T* weights, i64 p, i64 row, i64 end) {
  const T* panel = weights + layer.start + layer.out.offset(p, layer.fan_in + 1);
  const i64 width = layer.out.width(p), first = layer.out.start(p);
  const i64 columns = least(width, layer.fan_out - first);
  end = least(end, layer.fan_in);
  while (row < end) {
    const i64 q = row / (2 * lanes<T>), in_width = layer.in.width(q);
    const i64 stop = least(end, layer.in.start(q) + in_width);
    T* out = layer.transposed + layer.in.offset(q, layer.fan_out) + first * in_width +
             (row - layer.in.start(q));
    for (i64 i = row; i < stop; i += lanes<T>, out += lanes<T>)
      for (i64 j = 0; j < columns; j += lanes<T>) {
        Vec<T> square[lanes<T>];
        for (i64 k = 0; k < lanes<T>; ++k)
          square[k] = i + k < stop ? load(panel + (i + k) * width + j) : Vec<T>{};
        transpose(square);
        for (i64 k = 0; k < lanes<T> && j + k < columns; ++k)
          store<T>(out + (j + k) * in_width, square[k]);
      }
    row = stop;
  }
}

}  // namespace mlp::MLP_ISA
