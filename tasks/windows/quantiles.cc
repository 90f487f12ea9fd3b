#include "tasks/windows/quantiles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace tamis::windows {
namespace {

// Buckets are found with a cubic stand-in for log2 that uses basic arithmetic only: the same bits on every
// machine, where std::log may differ in the last one.  37 buckets to a doubling make neighbours at most
// exp(0.7 / 37) apart.
constexpr double per_doubling = 37;
constexpr double a = 6.0 / 35, b = -3.0 / 5, c = 10.0 / 7;
constexpr int32_t no_bucket = std::numeric_limits<int32_t>::min();
constexpr int32_t bucket_limit = 1 << 17;

int32_t bucket_of(double magnitude) {
  int64_t exponent = 0;
  auto bits = std::bit_cast<uint64_t>(magnitude);
  if ((bits >> 52) == 0) {
    bits = std::bit_cast<uint64_t>(magnitude * 0x1p54);
    exponent = -54;
  }
  exponent += static_cast<int64_t>(bits >> 52) - 1023;
  const double s =
      std::bit_cast<double>((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000) - 1;  // 2^exponent * (1 + s)
  return static_cast<int32_t>(
      std::floor((static_cast<double>(exponent) + ((a * s + b) * s + c) * s) * per_doubling));
}

/// Where bucket `index` begins.
double bound_of(int32_t index) {
  const double y = index / per_doubling;
  const double whole = std::floor(y), part = y - whole;
  double low = 0, high = 1;
  for (int i = 0; i < 54; ++i) {
    const double s = (low + high) / 2;
    (((a * s + b) * s + c) * s < part ? low : high) = s;
  }
  return std::ldexp(1 + low, static_cast<int>(whole));
}

/// The value with the least relative error for all of the bucket.
double value_of(int32_t index) {
  const double low = bound_of(index), high = bound_of(index + 1);
  return low / (0.5 + 0.5 * (low / high));
}

struct Bucket {
  int32_t key;  ///< 2 * bucket + (1 when negative)
  uint32_t unused;
  uint64_t count;
};

int32_t key_of(double value) {
  return 2 * bucket_of(std::fabs(value)) + (value < 0 ? 1 : 0);
}

}  // namespace

struct Quantiles::Block {
  uint32_t size;      ///< values, or used buckets
  uint32_t capacity;  ///< of values, or of buckets (a power of two)
  uint32_t is_sketch;
  uint32_t unused;

  struct Extent {
    uint64_t count, zeros;
    double least, greatest;
  };

  double* values() { return reinterpret_cast<double*>(this + 1); }
  const double* values() const { return reinterpret_cast<const double*>(this + 1); }
  Extent& extent() { return *reinterpret_cast<Extent*>(this + 1); }
  const Extent& extent() const { return *reinterpret_cast<const Extent*>(this + 1); }
  Bucket* buckets() { return reinterpret_cast<Bucket*>(reinterpret_cast<char*>(this + 1) + sizeof(Extent)); }
  const Bucket* buckets() const {
    return reinterpret_cast<const Bucket*>(reinterpret_cast<const char*>(this + 1) + sizeof(Extent));
  }

  static size_t exact_bytes(uint32_t capacity) { return sizeof(Block) + capacity * sizeof(double); }
  static size_t sketch_bytes(uint32_t capacity) {
    return sizeof(Block) + sizeof(Extent) + capacity * sizeof(Bucket);
  }

  static Block* make_sketch(uint32_t capacity, Pool& pool) {
    auto* block = reinterpret_cast<Block*>(pool.allocate(sketch_bytes(capacity)));
    *block = {0, capacity, 1, 0};
    block->extent() = {0, 0, std::numeric_limits<double>::infinity(),
                       -std::numeric_limits<double>::infinity()};
    std::fill_n(block->buckets(), capacity, Bucket{no_bucket, 0, 0});
    return block;
  }

  static uint32_t place(int32_t key, uint32_t capacity) {
    return (static_cast<uint32_t>(key) * 0x9E3779B1u) >> (32 - std::countr_zero(capacity));
  }

  /// Adds to a bucket of a sketch, which may move.
  static void count_key(Block*& block, int32_t key, uint64_t count, Pool& pool) {
    uint32_t at = place(key, block->capacity);
    for (Bucket* buckets = block->buckets(); buckets[at].key != no_bucket;
         at = (at + 1) & (block->capacity - 1)) {
      if (buckets[at].key == key) {
        buckets[at].count += count;
        return;
      }
    }
    if ((block->size + 1) * 4 > block->capacity * 3) {
      Block* grown = make_sketch(block->capacity * 2, pool);
      grown->extent() = block->extent();
      for (uint32_t i = 0; i < block->capacity; ++i)
        if (block->buckets()[i].key != no_bucket)
          count_key(grown, block->buckets()[i].key, block->buckets()[i].count, pool);
      pool.release(reinterpret_cast<char*>(block), sketch_bytes(block->capacity));
      block = grown;
      return count_key(block, key, count, pool);
    }
    block->buckets()[at] = {key, 0, count};
    ++block->size;
  }

  static void count_value(Block*& block, double value, Pool& pool) {
    Extent& extent = block->extent();
    ++extent.count;
    extent.least = std::min(extent.least, value);
    extent.greatest = std::max(extent.greatest, value);
    if (value == 0)
      ++extent.zeros;
    else
      count_key(block, key_of(value), 1, pool);
  }

  static void make_room(Block*& block, Pool& pool) {
    const uint32_t capacity = block == nullptr ? 2 : std::min(block->capacity * 2, exact_limit);
    // The pool gives powers of two: the header's 16 bytes are taken off the last values' room.
    const uint32_t fitted = std::min<uint32_t>(
        static_cast<uint32_t>((Pool::rounded(exact_bytes(capacity)) - sizeof(Block)) / sizeof(double)),
        exact_limit);
    auto* grown = reinterpret_cast<Block*>(pool.allocate(exact_bytes(fitted)));
    *grown = {block == nullptr ? 0 : block->size, fitted, 0, 0};
    if (block != nullptr) {
      std::copy_n(block->values(), block->size, grown->values());
      pool.release(reinterpret_cast<char*>(block), exact_bytes(block->capacity));
    }
    block = grown;
  }

  static void become_sketch(Block*& block, Pool& pool) {
    Block* sketch = make_sketch(128, pool);
    if (block != nullptr) {
      for (uint32_t i = 0; i < block->size; ++i) count_value(sketch, block->values()[i], pool);
      pool.release(reinterpret_cast<char*>(block), exact_bytes(block->capacity));
    }
    block = sketch;
  }
};

void Quantiles::add(double value, Pool& pool) {
  if (block == nullptr || (!block->is_sketch && block->size == block->capacity)) {
    if (block != nullptr && block->size == exact_limit)
      Block::become_sketch(block, pool);
    else
      Block::make_room(block, pool);
  }
  if (block->is_sketch) return Block::count_value(block, value, pool);
  block->values()[block->size++] = value;
}

uint64_t Quantiles::count() const {
  return block == nullptr ? 0 : block->is_sketch ? block->extent().count : block->size;
}

double Quantiles::at(uint32_t percent) const {
  const uint64_t rank = std::max<uint64_t>((count() * percent + 99) / 100, 1);
  if (!block->is_sketch) {
    // Order says nothing, so the values may as well be left sorted for the next percentile.
    double* values = block->values();
    if (!std::is_sorted(values, values + block->size)) std::sort(values, values + block->size);
    return values[std::min<uint64_t>(rank, block->size) - 1];
  }
  std::vector<Bucket> used;
  used.reserve(block->size);
  std::copy_if(block->buckets(), block->buckets() + block->capacity, std::back_inserter(used),
               [](const Bucket& bucket) { return bucket.key != no_bucket; });
  const auto order = [](int32_t key) {
    return (key & 1) != 0 ? -(key >> 1) - bucket_limit : (key >> 1) + bucket_limit;
  };
  std::sort(used.begin(), used.end(),
            [&](const Bucket& x, const Bucket& y) { return order(x.key) < order(y.key); });
  const auto& extent = block->extent();
  const auto within = [&](double value) { return std::clamp(value, extent.least, extent.greatest); };
  uint64_t passed = 0;
  auto bucket = used.begin();
  for (; bucket != used.end() && (bucket->key & 1) != 0; ++bucket)
    if ((passed += bucket->count) >= rank) return within(-value_of(bucket->key >> 1));
  if ((passed += extent.zeros) >= rank) return 0;
  for (; bucket != used.end(); ++bucket)
    if ((passed += bucket->count) >= rank) return within(value_of(bucket->key >> 1));
  return extent.greatest;
}

void Quantiles::encode(std::string& out) const {
  if (block == nullptr || !block->is_sketch) {
    out.push_back(0);
    put_varint(out, count());
    if (block == nullptr) return;
    std::vector<double> values(block->values(), block->values() + block->size);
    std::sort(values.begin(), values.end());
    for (const double value : values) put_fixed(out, value);
    return;
  }
  out.push_back(1);
  const auto& extent = block->extent();
  put_varint(out, extent.zeros);
  put_fixed(out, extent.least);
  put_fixed(out, extent.greatest);
  put_varint(out, block->size);
  std::vector<std::pair<int32_t, uint64_t>> used;
  for (uint32_t i = 0; i < block->capacity; ++i)
    if (block->buckets()[i].key != no_bucket)
      used.emplace_back(block->buckets()[i].key, block->buckets()[i].count);
  std::sort(used.begin(), used.end());
  int32_t before = 0;
  for (const auto& [key, count] : used) {
    put_signed(out, key - before);
    put_varint(out, count);
    before = key;
  }
}

void Quantiles::merge(ByteReader& in, Pool& pool) {
  const auto finite = [&in] {
    const auto value = in.fixed<double>();
    if (!std::isfinite(value)) ByteReader::corrupt();
    return value;
  };
  const auto mode = in.fixed<uint8_t>();
  if (mode == 0) {
    const uint64_t count = in.varint();
    if (count > exact_limit) ByteReader::corrupt();
    for (uint64_t i = 0; i < count; ++i) add(finite(), pool);
    return;
  }
  if (mode != 1) ByteReader::corrupt();
  if (block == nullptr || !block->is_sketch) Block::become_sketch(block, pool);
  const uint64_t zeros = in.varint();
  const double least = finite(), greatest = finite();
  if (least > greatest) ByteReader::corrupt();
  {
    auto& extent = block->extent();
    extent.zeros += zeros;
    extent.count += zeros;
    extent.least = std::min(extent.least, least);
    extent.greatest = std::max(extent.greatest, greatest);
  }
  const uint64_t size = in.varint();
  int64_t key = 0;
  for (uint64_t i = 0; i < size; ++i) {
    const int64_t step = in.signed_number();
    if (step > 4 * bucket_limit || step < -4 * bucket_limit) ByteReader::corrupt();
    key += step;
    if (key >= 2 * bucket_limit || key <= -2 * bucket_limit) ByteReader::corrupt();
    const uint64_t count = in.varint();
    block->extent().count += count;
    Block::count_key(block, static_cast<int32_t>(key), count, pool);
  }
}

}  // namespace tamis::windows
