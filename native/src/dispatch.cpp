#include "dispatch.h"

namespace mlp {

namespace {

bool always() { return true; }

#if defined(MLP_WITH_X86)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
const InstructionSet kSets[] = {
    {"sse2", always, baseline::backend, baseline::prediction},
    {"avx2", has_avx2, avx2::backend, avx2::prediction},
    {"avx512", has_avx512, avx512::backend, avx512::prediction}};
#elif defined(__aarch64__)
const InstructionSet kSets[] = {{"neon", always, baseline::backend, baseline::prediction}};
#else
const InstructionSet kSets[] = {{"generic", always, baseline::backend, baseline::prediction}};
#endif

}  // namespace

int32_t n_instruction_sets() {
  return static_cast<int32_t>(sizeof(kSets) / sizeof(kSets[0]));
}

const InstructionSet& instruction_set(int32_t index) { return kSets[index]; }

int32_t best_instruction_set() {
  for (int32_t index = n_instruction_sets() - 1; index > 0; --index)
    if (kSets[index].available()) return index;
  return 0;
}

}  // namespace mlp
