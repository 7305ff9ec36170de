// Row orders: the twin of `numpy.random.RandomState.shuffle`, bit for bit.
//
// The generator is MT19937 (Matsumoto and Nishimura, 1998): 624 words of 32 bits that are all
// renewed at once, each tempered when it is taken. The shuffle goes from the last place down and
// swaps place i with a place j drawn from 0 … i (Durstenfeld, 1964). To draw j, NumPy masks a
// word to as many bits as i has, again and again until it is at most i; beyond 32 bits it masks
// two words, the higher first. A draw in three is thrown away, at random, which a processor
// cannot foresee; so places are found first, without a branch, and swapped afterwards.
#include <cstring>
#include <utility>

#include "abi.h"
#include "checks.h"

namespace mlp {
namespace {

constexpr int64_t kWords = 624, kDistance = 397;
constexpr uint32_t kUpper = 0x80000000U, kTwist = 0x9908B0DFU;

class Mersenne {
 public:
  Mersenne(uint32_t* key, int64_t* position) : key_(key), position_(position) { temper(); }

  // The next words that nobody has taken yet, at least one.
  const uint32_t* words(int64_t& n) {
    if (*position_ == kWords) {
      renew();
      *position_ = 0;
      temper();
    }
    n = kWords - *position_;
    return tempered_ + *position_;
  }
  void take(int64_t n) { *position_ += n; }

 private:
  static uint32_t twisted(uint32_t upper, uint32_t lower, uint32_t far) {
    const uint32_t y = (upper & kUpper) | (lower & ~kUpper);
    return far ^ (y >> 1) ^ (-(y & 1U) & kTwist);
  }
  void renew() {
    for (int64_t k = 0; k < kWords - kDistance; ++k)
      key_[k] = twisted(key_[k], key_[k + 1], key_[k + kDistance]);
    for (int64_t k = kWords - kDistance; k < kWords - 1; ++k)
      key_[k] = twisted(key_[k], key_[k + 1], key_[k + kDistance - kWords]);
    key_[kWords - 1] = twisted(key_[kWords - 1], key_[0], key_[kDistance - 1]);
  }
  void temper() {
    for (int64_t k = *position_; k < kWords; ++k) {
      uint32_t y = key_[k];
      y ^= y >> 11;
      y ^= (y << 7) & 0x9D2C5680U;
      y ^= (y << 15) & 0xEFC60000U;
      tempered_[k] = y ^ (y >> 18);
    }
  }

  uint32_t* key_;
  int64_t* position_;
  uint32_t tempered_[kWords];
};

// All bits up to the highest of n.
uint64_t mask_of(uint64_t n) {
  for (int shift = 1; shift < 64; shift *= 2) n |= n >> shift;
  return n;
}

uint32_t next_word(Mersenne& generator) {
  int64_t n;
  const uint32_t word = *generator.words(n);
  generator.take(1);
  return word;
}

uint64_t draw_up_to(Mersenne& generator, uint64_t largest) {
  const uint64_t mask = mask_of(largest);
  for (;;) {
    uint64_t word = next_word(generator);
    if (mask >> 32) word = word << 32 | next_word(generator);
    if ((word & mask) <= largest) return word & mask;
  }
}

// Without an order only the generator moves.
void shuffle(Mersenne& generator, int64_t* order, int64_t n_rows) {
  int64_t i = n_rows - 1;
  for (; i >> 32; --i) {
    const auto j = static_cast<int64_t>(draw_up_to(generator, static_cast<uint64_t>(i)));
    if (order) std::swap(order[i], order[j]);
  }
  while (i > 0) {
    // The same mask serves down to `end`.
    const auto mask = static_cast<uint32_t>(mask_of(static_cast<uint64_t>(i)));
    const int64_t end = mask >> 1;
    while (i > end) {
      uint32_t found[kWords];
      int64_t n_words, n_taken = 0;
      const uint32_t* words = generator.words(n_words);
      auto place = static_cast<uint32_t>(i);
      const uint32_t first = place;
      while (n_taken < n_words && place > end) {
        const uint32_t j = words[n_taken++] & mask;
        found[first - place] = j;
        place -= j <= place;
      }
      generator.take(n_taken);
      for (; i > place; --i)
        if (order) std::swap(order[i], order[found[first - i]]);
    }
  }
}

bool is_generator(const uint32_t* key, int64_t n_words, const int64_t* position) {
  return key && n_words == kWords && position && within(*position, 0, kWords);
}

}  // namespace
}  // namespace mlp

int32_t mlp_row_orders(uint32_t* key, int64_t n_words, int64_t* position, const int64_t* before,
                       int64_t n_rows, int64_t n_epochs, int64_t* orders) {
  if (!mlp::is_generator(key, n_words, position) || (orders && !before)) return MLP_BAD_VALUE;
  if (!mlp::within(n_rows, 1, mlp::kLargestSize) ||
      !mlp::within(n_epochs, 0, mlp::kLargestSize / n_rows))
    return MLP_BAD_VALUE;
  mlp::Mersenne generator(key, position);
  for (int64_t epoch = 0; epoch < n_epochs; ++epoch) {
    int64_t* order = orders ? orders + epoch * n_rows : nullptr;
    if (order) std::memcpy(order, before, static_cast<size_t>(n_rows) * sizeof(int64_t));
    mlp::shuffle(generator, order, n_rows);
    before = order;
  }
  return MLP_OK;
}

int32_t mlp_random_numbers(uint32_t* key, int64_t n_words, int64_t* position, uint64_t largest,
                           uint64_t* out, int64_t n) {
  if (!mlp::is_generator(key, n_words, position) || largest == 0 || !out ||
      !mlp::within(n, 0, mlp::kLargestSize))
    return MLP_BAD_VALUE;
  mlp::Mersenne generator(key, position);
  for (int64_t i = 0; i < n; ++i) out[i] = mlp::draw_up_to(generator, largest);
  return MLP_OK;
}
