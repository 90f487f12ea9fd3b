#include "tasks/windows/distinct.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

namespace tamis::windows {
namespace {

constexpr unsigned precision = 15;
constexpr uint32_t registers = 1u << precision;
constexpr unsigned ranks = 64 - precision + 1;  ///< the greatest rank a register can hold

/// Ertl's improved estimator (arXiv 1702.01284): unbiased over the whole range, without tables.
double estimate(const uint8_t* ranks_of) {
  std::array<uint32_t, ranks + 1> seen{};
  for (uint32_t i = 0; i < registers; ++i) ++seen[ranks_of[i]];
  const double m = registers;
  const auto tau = [](double x) {
    if (x == 0 || x == 1) return 0.0;
    double y = 1, z = 1 - x, before;
    do {
      x = std::sqrt(x);
      before = z;
      y *= 0.5;
      z -= (1 - x) * (1 - x) * y;
    } while (before != z);
    return z / 3;
  };
  const auto sigma = [](double x) {
    double y = 1, z = x, before;
    do {
      x *= x;
      before = z;
      z += x * y;
      y += y;
    } while (before != z);
    return z;
  };
  double z = m * tau(1 - seen[ranks] / m);
  for (unsigned k = ranks - 1; k >= 1; --k) z = 0.5 * (z + seen[k]);
  if (seen[0] == registers) return 0;
  z += m * sigma(seen[0] / m);
  return m * m / (2 * std::log(2.0)) / z;
}

}  // namespace

struct Distinct::Block {
  uint32_t size;      ///< hashes held
  uint32_t capacity;  ///< of hashes, a power of two
  uint32_t is_dense;
  uint32_t unused;

  uint64_t* hashes() { return reinterpret_cast<uint64_t*>(this + 1); }
  const uint64_t* hashes() const { return reinterpret_cast<const uint64_t*>(this + 1); }
  uint8_t* ranks_of() { return reinterpret_cast<uint8_t*>(this + 1); }
  const uint8_t* ranks_of() const { return reinterpret_cast<const uint8_t*>(this + 1); }

  static size_t exact_bytes(uint32_t capacity) { return sizeof(Block) + capacity * sizeof(uint64_t); }

  static Block* make_exact(uint32_t capacity, Pool& pool) {
    auto* block = reinterpret_cast<Block*>(pool.allocate(exact_bytes(capacity)));
    *block = {0, capacity, 0, 0};
    std::fill_n(block->hashes(), capacity, uint64_t{0});
    return block;
  }

  /// Whether it was new.  There must be room.
  bool hold(uint64_t hash) {
    for (uint32_t at = static_cast<uint32_t>(hash) & (capacity - 1);; at = (at + 1) & (capacity - 1)) {
      if (hashes()[at] == hash) return false;
      if (hashes()[at] != 0) continue;
      hashes()[at] = hash;
      ++size;
      return true;
    }
  }

  void rank(uint64_t hash) {
    const auto index = static_cast<uint32_t>(hash >> (64 - precision));
    const auto value =
        static_cast<uint8_t>(std::countl_zero((hash << precision) | (1u << (precision - 1))) + 1);
    ranks_of()[index] = std::max(ranks_of()[index], value);
  }

  static void become_dense(Block*& block, Pool& pool) {
    auto* dense = reinterpret_cast<Block*>(pool.allocate(sizeof(Block) + registers));
    *dense = {0, 0, 1, 0};
    std::fill_n(dense->ranks_of(), registers, uint8_t{0});
    if (block != nullptr) {
      for (uint32_t i = 0; i < block->capacity; ++i)
        if (block->hashes()[i] != 0) dense->rank(block->hashes()[i]);
      pool.release(reinterpret_cast<char*>(block), exact_bytes(block->capacity));
    }
    block = dense;
  }
};

void Distinct::add(uint64_t hash, Pool& pool) {
  if (hash == 0) hash = 1;  // 0 marks a free place
  if (block == nullptr) block = Block::make_exact(2, pool);
  if (block->is_dense) return block->rank(hash);
  if (block->size * 4 >= block->capacity * 3) {
    Block* grown = Block::make_exact(block->capacity * 2, pool);
    for (uint32_t i = 0; i < block->capacity; ++i)
      if (block->hashes()[i] != 0) grown->hold(block->hashes()[i]);
    pool.release(reinterpret_cast<char*>(block), Block::exact_bytes(block->capacity));
    block = grown;
  }
  if (block->hold(hash) && block->size > exact_limit) Block::become_dense(block, pool);
}

uint64_t Distinct::count() const {
  if (block == nullptr) return 0;
  if (!block->is_dense) return block->size;
  return static_cast<uint64_t>(std::llround(std::min(estimate(block->ranks_of()), 1e18)));
}

void Distinct::encode(std::string& out) const {
  if (block == nullptr || !block->is_dense) {
    out.push_back(0);
    std::vector<uint64_t> hashes;
    if (block != nullptr)
      std::copy_if(block->hashes(), block->hashes() + block->capacity, std::back_inserter(hashes),
                   [](uint64_t hash) { return hash != 0; });
    std::sort(hashes.begin(), hashes.end());
    put_varint(out, hashes.size());
    for (const uint64_t hash : hashes) put_fixed(out, hash);
    return;
  }
  out.push_back(1);
  // Six bits a register.
  const uint8_t* ranks_of = block->ranks_of();
  for (uint32_t i = 0; i < registers; i += 4) {
    const uint32_t four =
        ranks_of[i] | (ranks_of[i + 1] << 6) | (ranks_of[i + 2] << 12) | (ranks_of[i + 3] << 18);
    out.push_back(static_cast<char>(four));
    out.push_back(static_cast<char>(four >> 8));
    out.push_back(static_cast<char>(four >> 16));
  }
}

void Distinct::merge(ByteReader& in, Pool& pool) {
  const auto mode = in.fixed<uint8_t>();
  if (mode == 0) {
    const uint64_t size = in.varint();
    if (size > exact_limit) ByteReader::corrupt();
    for (uint64_t i = 0; i < size; ++i) add(in.fixed<uint64_t>(), pool);
    return;
  }
  if (mode != 1) ByteReader::corrupt();
  const auto packed = in.bytes(registers / 4 * 3);
  if (block == nullptr || !block->is_dense) Block::become_dense(block, pool);
  uint8_t* ranks_of = block->ranks_of();
  for (uint32_t i = 0; i < registers; i += 4) {
    const auto byte = [&](uint32_t k) {
      return static_cast<uint32_t>(static_cast<uint8_t>(packed[i / 4 * 3 + k]));
    };
    const uint32_t four = byte(0) | byte(1) << 8 | byte(2) << 16;
    for (uint32_t k = 0; k < 4; ++k) {
      const auto value = static_cast<uint8_t>((four >> (6 * k)) & 63);
      if (value > ranks) ByteReader::corrupt();
      ranks_of[i + k] = std::max(ranks_of[i + k], value);
    }
  }
}

}  // namespace tamis::windows
