#include "tasks/transforms/record_shape.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "tasks/transforms/json_text.h"

namespace tamis::transforms {
namespace {

constexpr size_t steps_max = 256;
constexpr int depth_max = 16;
constexpr int trust_max = 64, trust_lost = 4;
constexpr uint32_t untried_max = 64, wait_max = 4096;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

#ifdef __SSE2__
__m128i load(const char* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
uint32_t bits(__m128i bytes) {
  return static_cast<uint32_t>(_mm_movemask_epi8(bytes));
}

/// The closing quote of the string whose text begins at `p`, or null when there is none before `end`, or a
/// control character.  Reads up to 16 bytes beyond `end`.
inline const char* closing_quote(const char* p, const char* end, uint32_t& high, bool& escaped) {
  while (true) {
    const __m128i bytes = load(p);
    const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                  slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')),
                  controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    const uint32_t special = bits(_mm_or_si128(_mm_or_si128(quotes, slashes), controls));
    const uint32_t above = bits(bytes);
    if (special == 0) {
      high |= above;
      p += 16;
      if (p >= end) return nullptr;
      continue;
    }
    high |= above & (special - 1) & ~special;
    p += std::countr_zero(special);
    if (p >= end) return nullptr;
    if (*p == '"') return p;
    if (*p != '\\') return nullptr;
    escaped = true;
    p += 2;
    if (p >= end) return nullptr;
  }
}
#endif

bool is_word(const char* p, const char* word) {
  return std::memcmp(p, word, 4) == 0;
}

}  // namespace

bool RecordShapes::read(const Shape& shape, std::string_view record, Slot* slots,
                        std::vector<KeptMember>& kept) const {
#ifdef __SSE2__
  const char* p = record.data();
  const char* const end = p + record.size();
  uint32_t high = 0, kept_begin = 0;
  Slot unused;
  for (const Step& step : shape.steps) {
    // From here on less than `padding` bytes are read before the next look at the end.
    if (p >= end) return false;
    uint32_t same =
        bits(_mm_cmpeq_epi8(load(p), _mm_load_si128(reinterpret_cast<const __m128i*>(step.text))));
    if (step.size > 16)
      same |=
          bits(_mm_cmpeq_epi8(load(p + 16), _mm_load_si128(reinterpret_cast<const __m128i*>(step.text + 16))))
          << 16;
    if ((same & step.mask) != step.mask) return false;
    p += step.size;
    for (; kept_begin < step.kept_end; ++kept_begin) {
      const KeptAt& at = shape.kept[kept_begin];
      kept.push_back({{p - at.name, at.name_size}, p - at.value});
    }
    if (!step.has_value) continue;
    Slot& slot = step.slot >= 0 ? slots[step.slot] : unused;
    const char c = *p;
    if (c == '"') {
      const char* const text = ++p;
      bool escaped = false;
      p = closing_quote(p, end, high, escaped);
      if (p == nullptr) return false;
      slot.kind = Slot::Kind::text;
      slot.escaped = escaped;
      slot.number.text = {text, static_cast<size_t>(p - text)};
      if (escaped && !valid_escapes(slot.text())) return false;
      ++p;
    } else if (c == '-' || static_cast<unsigned char>(c - '0') < 10) {
      slot.kind = Slot::Kind::number;
      // Nothing behind the record can belong to a number: an object ends with a bracket.
      p = scan_number(p, end, slot.number);
      if (p == nullptr) return false;
    } else if (is_word(p, "true")) {
      slot.kind = Slot::Kind::true_;
      p += 4;
    } else if (is_word(p, "null")) {
      slot.kind = Slot::Kind::null;
      p += 4;
    } else if (is_word(p, "fals") && p[4] == 'e') {
      slot.kind = Slot::Kind::false_;
      p += 5;
    } else {
      return false;
    }
  }
  while (p < end && is_space(*p)) ++p;
  if (p != end) return false;
  if (high != 0 && !simdjson::validate_utf8(record.data(), record.size())) return false;
  for (const int slot : shape.absent) slots[slot].kind = Slot::Kind::missing;
  return true;
#else
  static_cast<void>(shape), static_cast<void>(record), static_cast<void>(slots), static_cast<void>(kept);
  return false;
#endif
}

bool RecordShapes::read(std::string_view record, Slot* slots, std::vector<KeptMember>& kept) {
  if (shapes_.empty()) return false;
  if (trust_ <= 0) {
    if (++untried_ < untried_max) return false;
    untried_ = 0;
    trust_ = trust_lost * 2;
  }
  for (size_t i = 0; i < shapes_.size(); ++i) {
    const size_t number = i == 0 ? last_ : i <= last_ ? i - 1 : i;
    kept.clear();
    if (!read(shapes_[number], record, slots, kept)) continue;
    last_ = number;
    ++shapes_[number].hits;
    trust_ = std::min(trust_ + 1, trust_max);
    return true;
  }
  trust_ -= trust_lost;
  return false;
}

/// Goes through a record that is right and notes all but its values.
class RecordShapes::Learner {
 public:
  Learner(const PathTree& tree, bool keep, Shape& shape)
      : tree_(tree), keep_(keep), shape_(shape), filled_(static_cast<size_t>(tree.slots)) {
    shape_.steps.clear();
    shape_.kept.clear();
    shape_.absent.clear();
    shape_.hits = 0;
    for (const auto& node : tree.nodes) seen_.emplace_back(node.children.size());
  }

  bool learn(std::string_view record) {
    p_ = begin_ = record.data();
    end_ = p_ + record.size();
    spaces();
    if (p_ == end_ || *p_ != '{' || !object(0, 1)) return false;
    close(false, -1);
    for (int slot = 0; slot < tree_.slots; ++slot)
      if (!filled_[static_cast<size_t>(slot)]) shape_.absent.push_back(slot);
    return shape_.steps.size() <= steps_max;
  }

 private:
  void spaces() {
    while (p_ < end_ && is_space(*p_)) ++p_;
  }

  void skip_string() {
    for (++p_; *p_ != '"'; ++p_)
      if (*p_ == '\\') ++p_;
    ++p_;
  }

  /// Makes steps of the text since the last value.
  void close(bool has_value, int slot) {
    const char* at = begin_;
    do {
      Step step;
      step.size = static_cast<uint32_t>(std::min<size_t>(text_max, static_cast<size_t>(p_ - at)));
      std::memcpy(step.text, at, step.size);
      step.mask = step.size == 32 ? ~0u : (1u << step.size) - 1;
      if (!shape_.steps.empty()) step.kept_end = shape_.steps.back().kept_end;
      at += step.size;
      shape_.steps.push_back(step);
    } while (at < p_);
    for (const auto& [name, value] : pending_)
      shape_.kept.push_back({static_cast<uint32_t>(p_ - name.data()), static_cast<uint32_t>(name.size()),
                             static_cast<uint32_t>(p_ - value)});
    pending_.clear();
    Step& last = shape_.steps.back();
    last.has_value = has_value;
    last.slot = slot;
    last.kept_end = static_cast<uint32_t>(shape_.kept.size());
  }

  /// Of the object whose bracket is at p_; `number` is its node, or -1.
  bool object(int number, int depth) {
    if (depth > depth_max) return false;
    ++p_;
    spaces();
    while (*p_ != '}') {
      if (*p_ == ',') {
        ++p_;
        spaces();
      }
      const char* const quote = p_;
      skip_string();
      const std::string_view name(quote + 1, static_cast<size_t>(p_ - quote - 2));
      spaces();
      ++p_;
      spaces();
      int slot = -1, node = -1;
      bool is_declared = false;
      if (number >= 0) {
        const auto& children = tree_.nodes[static_cast<size_t>(number)].children;
        std::string plain(name.size(), ' ');
        plain.resize(unescape(name, plain.data()));
        for (size_t c = 0; c < children.size(); ++c) {
          if (children[c].name != plain) continue;
          // What a second member of one name does to the first is left to the walker.
          if (seen_[static_cast<size_t>(number)][c]) return false;
          seen_[static_cast<size_t>(number)][c] = true;
          is_declared = true;
          slot = children[c].slot;
          node = children[c].node;
        }
      }
      if (keep_ && number == 0 && !is_declared) pending_.push_back({name, p_});
      if (!value(slot, node, depth)) return false;
      spaces();
    }
    ++p_;
    return true;
  }

  bool value(int slot, int node, int depth) {
    const bool is_container = *p_ == '{' || *p_ == '[';
    if (is_container && (slot >= 0 || depth >= depth_max)) return false;
    if (*p_ == '{') return object(node, depth + 1);
    if (*p_ == '[') {
      ++p_;
      spaces();
      while (*p_ != ']') {
        if (*p_ == ',') {
          ++p_;
          spaces();
        }
        if (!value(-1, -1, depth + 1)) return false;
        spaces();
      }
      ++p_;
      return true;
    }
    if (slot >= 0) filled_[static_cast<size_t>(slot)] = true;
    close(true, slot);
    if (*p_ == '"')
      skip_string();
    else
      while (p_ < end_ && !is_space(*p_) && *p_ != ',' && *p_ != '}' && *p_ != ']') ++p_;
    begin_ = p_;
    return shape_.steps.size() <= steps_max;
  }

  const PathTree& tree_;
  const bool keep_;
  Shape& shape_;
  std::vector<bool> filled_;
  std::vector<std::vector<bool>> seen_;
  std::vector<KeptMember> pending_;
  const char *p_ = nullptr, *begin_ = nullptr, *end_ = nullptr;
};

void RecordShapes::learn(std::string_view record) {
  if (unlearned_ < wait_) {
    ++unlearned_;
    return;
  }
  unlearned_ = 0;
  // A shape that met few records was not worth its lesson: the next one comes later.
  const bool is_full = shapes_.size() == shapes_max;
  const bool paid = !is_full || shapes_[oldest_].hits >= 64;
  wait_ = paid ? wait_ / 2 : std::min(wait_max, wait_ * 2 + 16);
  if (!is_full) shapes_.emplace_back();
  const size_t number = is_full ? oldest_ : shapes_.size() - 1;
  if (is_full) oldest_ = (oldest_ + 1) % shapes_max;
  if (Learner(tree_, keep_, shapes_[number]).learn(record)) {
    last_ = number;
    return;
  }
  wait_ = std::min(wait_max, wait_ * 2 + 16);
  shapes_.erase(shapes_.begin() + static_cast<std::ptrdiff_t>(number));
  last_ = oldest_ = 0;
}

}  // namespace tamis::transforms
