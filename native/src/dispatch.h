// Instruction sets in this library, best last, and which of them this machine has.
#pragma once

#include "setup.h"

namespace mlp {

#if defined(MLP_WITH_X86)
namespace baseline { Backend backend(int32_t dtype); }
namespace avx2 { Backend backend(int32_t dtype); }
namespace avx512 { Backend backend(int32_t dtype); }
#else
namespace baseline { Backend backend(int32_t dtype); }
#endif

struct InstructionSet {
  const char* name;
  bool (*available)();
  Backend (*backend)(int32_t dtype);
};

int32_t n_instruction_sets();
const InstructionSet& instruction_set(int32_t index);
int32_t best_instruction_set();

}  // namespace mlp
