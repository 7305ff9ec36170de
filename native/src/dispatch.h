// Instruction sets in this library, best last, and which of them this machine has.
#pragma once

#include "setup.h"

namespace mlp {

#define MLP_DECLARE(ISA)                       \
  namespace ISA {                              \
  Backend backend(int32_t dtype);              \
  PredictionBackend prediction(int32_t dtype); \
  }
MLP_DECLARE(baseline)
#if defined(MLP_WITH_X86)
MLP_DECLARE(avx2)
MLP_DECLARE(avx512)
#endif
#undef MLP_DECLARE

struct InstructionSet {
  const char* name;
  bool (*available)();
  Backend (*backend)(int32_t dtype);
  PredictionBackend (*prediction)(int32_t dtype);
};

int32_t n_instruction_sets();
const InstructionSet& instruction_set(int32_t index);
int32_t best_instruction_set();
// What a plan names: 0 the best there is, else 1 + its place.
inline const InstructionSet& named_instruction_set(int32_t isa) {
  return instruction_set(isa > 0 ? isa - 1 : best_instruction_set());
}

}  // namespace mlp
