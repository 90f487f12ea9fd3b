#include "tasks/transforms/json_walker.h"

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

/// How many members of an object are guessed; the others are looked up.
constexpr size_t guesses_per_node = 64;

constexpr const char* too_early = "it ends too early";

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

/// Whether the bytes that RecordShapes reads beyond a record lie in its last byte's page, and so are
/// readable.
bool may_read_on(std::string_view record) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static_cast<void>(record);
  return false;
#else
  constexpr uintptr_t page = 4096;
  return !record.empty() &&
         (reinterpret_cast<uintptr_t>(&record.back()) & (page - 1)) + RecordShapes::padding < page;
#endif
}

}  // namespace

JsonWalker::JsonWalker(const PathTree& tree, bool keep)
    : tree_(tree), keep_(keep), guesses_(tree.nodes.size()), in_object_(max_depth + 1), shapes_(tree, keep) {
  for (auto& guesses : guesses_) guesses.resize(guesses_per_node);
}

JsonWalker::~JsonWalker() = default;

std::nullptr_t JsonWalker::fail(const char* problem, const char* at) {
  problem_ = problem;
  problem_at_ = static_cast<size_t>(at - text_);
  return nullptr;
}

inline const char* JsonWalker::spaces(const char* p) const {
  while (p < end_ && is_space(*p)) ++p;
  return p;
}

JsonWalker::Outcome JsonWalker::walk(std::string_view record, Slot* slots, bool is_padded) {
  text_ = record.data();
  end_ = text_ + record.size();
  slots_ = slots;
  if ((is_padded || may_read_on(record)) && shapes_.read(record, slots, kept_)) return Outcome::object;
  const Outcome outcome = walk_any(record);
  if (outcome == Outcome::object) shapes_.learn(record);
  return outcome;
}

JsonWalker::Outcome JsonWalker::walk_any(std::string_view record) {
  non_ascii_ = 0;
  for (int i = 0; i < tree_.slots; ++i) slots_[i].kind = Slot::Kind::missing;
  if (keep_) kept_.clear();
  const char* p = spaces(text_);
  if (p == end_) {
    fail(record.empty() ? "it is empty" : "it holds nothing but spaces", p);
    return Outcome::malformed;
  }
  const bool is_object = *p == '{';
  p = is_object ? object(0, p + 1, 1) : *p == '[' ? skip(p, 1) : scalar(p);
  if (p == nullptr) return Outcome::malformed;
  p = spaces(p);
  if (p != end_) {
    fail("something follows the value", p);
    return Outcome::malformed;
  }
  // Only strings can hold more than ASCII by now.
  if (non_ascii_ != 0 && !simdjson::validate_utf8(record.data(), record.size())) {
    fail("it is not UTF-8", p);
    return Outcome::malformed;
  }
  return is_object ? Outcome::object : Outcome::not_an_object;
}

/// The closing quote of the string whose text begins at `p`.
inline const char* JsonWalker::string_end(const char* p, bool& escaped) {
  while (true) {
#ifdef __SSE2__
    while (end_ - p >= 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
      const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                    slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
      const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
      const auto special =
          static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, slashes), controls)));
      const auto high = static_cast<unsigned>(_mm_movemask_epi8(bytes));
      if (special == 0) {
        non_ascii_ |= high;
        p += 16;
        continue;
      }
      const int before = std::countr_zero(special);
      non_ascii_ |= high & ((1u << before) - 1);
      p += before;
      break;
    }
#endif
    for (; p < end_ && *p != '"' && *p != '\\'; ++p) {
      const auto byte = static_cast<unsigned char>(*p);
      if (byte < 0x20) return fail("a string holds a control character", p);
      non_ascii_ |= byte & 0x80u;
    }
    if (p >= end_) return fail("a string does not end", end_);
    if (*p == '"') return p;
    escaped = true;
    p += 2;  // what is escaped is looked at by valid_escapes
    if (p > end_) return fail("a string does not end", end_);
  }
}

/// Reads the string whose opening quote is at `p`.
inline const char* JsonWalker::string(const char* p, std::string_view& raw, bool& escaped) {
  escaped = false;
  const char* end = string_end(p + 1, escaped);
  if (end == nullptr) return nullptr;
  raw = {p + 1, static_cast<size_t>(end - p - 1)};
  if (escaped && !valid_escapes(raw)) return fail("a string holds a wrong escape", p);
  return end + 1;
}

inline const char* JsonWalker::literal(const char* p, std::string_view word) {
  if (static_cast<size_t>(end_ - p) >= word.size() && std::memcmp(p, word.data(), word.size()) == 0)
    return p + word.size();
  return fail("there is no such value", p);
}

inline const char* JsonWalker::number(const char* p, Number& number) {
  const char* after = scan_number(p, end_, number);
  return after != nullptr ? after : fail("a number is wrong", p);
}

const char* JsonWalker::scalar(const char* p) {
  if (p == end_) return fail(too_early, p);
  switch (*p) {
    case '"': {
      std::string_view raw;
      bool escaped = false;
      return string(p, raw, escaped);
    }
    case 't':
      return literal(p, "true");
    case 'f':
      return literal(p, "false");
    case 'n':
      return literal(p, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': {
      Number unused;
      return number(p, unused);
    }
    default:
      return fail("a value is missing or wrong", p);
  }
}

/// Reads the name whose opening quote is at `p`, finds its child, and guesses that it will stand here in the
/// next record.
const char* JsonWalker::name(const PathTree::Node& node, Guess* guess, const char* p, std::string_view& raw,
                             int& child) {
  bool escaped = false;
  p = string(p, raw, escaped);
  if (p == nullptr) return nullptr;
  std::string_view plain = raw;
  if (escaped) {
    name_.resize(raw.size());
    name_.resize(unescape(raw, name_.data()));
    plain = name_;
  }
  child = -1;
  for (size_t c = 0; c < node.children.size(); ++c)
    if (node.children[c].name == plain) child = static_cast<int>(c);
  if (guess != nullptr && raw.size() < 16 && is_ascii(raw)) {
    char bytes[16] = {}, mask[16] = {};
    std::memcpy(bytes, raw.data(), raw.size() + 1);
    std::memset(mask, 0xFF, raw.size() + 1);
    std::memcpy(&guess->low, bytes, 8);
    std::memcpy(&guess->high, bytes + 8, 8);
    std::memcpy(&guess->low_mask, mask, 8);
    std::memcpy(&guess->high_mask, mask + 8, 8);
    guess->size = static_cast<uint32_t>(raw.size());
    guess->child = child;
  }
  return p;
}

/// Reads the object whose first byte after `{` is at `p`.
const char* JsonWalker::object(int node_number, const char* p, int depth) {
  const PathTree::Node& node = tree_.nodes[static_cast<size_t>(node_number)];
  Guess* guesses = guesses_[static_cast<size_t>(node_number)].data();
  p = spaces(p);
  if (p < end_ && *p == '}') return p + 1;
  for (size_t k = 0;; ++k) {
    if (p >= end_) return fail(too_early, end_);
    if (*p != '"') return fail("a name in quotes is missing", p);
    Guess* guess = k < guesses_per_node ? guesses + k : nullptr;
    std::string_view raw;
    int child = -1;
    bool known = false;
    if (guess != nullptr) {
      uint64_t low = 0, high = 0;
      if (end_ - p > 16) {
        std::memcpy(&low, p + 1, 8);
        std::memcpy(&high, p + 9, 8);
      } else {
        const auto left = static_cast<size_t>(end_ - p - 1);
        std::memcpy(&low, p + 1, std::min<size_t>(left, 8));
        if (left > 8) std::memcpy(&high, p + 9, left - 8);
      }
      known = (low & guess->low_mask) == guess->low && (high & guess->high_mask) == guess->high;
    }
    if (known) {
      raw = {p + 1, guess->size};
      child = guess->child;
      p += guess->size + 2;
    } else {
      p = name(node, guess, p, raw, child);
      if (p == nullptr) return nullptr;
    }
    p = spaces(p);
    if (p >= end_ || *p != ':') return fail("a colon is missing", p);
    p = spaces(p + 1);
    if (child >= 0) {
      p = value(node.children[static_cast<size_t>(child)], p, depth);
    } else {
      if (keep_ && node_number == 0) kept_.push_back({raw, p});
      p = p < end_ && (*p == '{' || *p == '[') ? skip(p, depth + 1) : scalar(p);
    }
    if (p == nullptr) return nullptr;
    p = spaces(p);
    if (p >= end_) return fail(too_early, end_);
    if (*p == '}') return p + 1;
    if (*p != ',') return fail("a comma or \"}\" is missing", p);
    p = spaces(p + 1);
  }
}

const char* JsonWalker::value(const PathTree::Child& child, const char* p, int depth) {
  Slot unused;
  Slot& slot = child.slot >= 0 ? slots_[child.slot] : unused;
  if (child.node >= 0)
    for (const int below : tree_.nodes[static_cast<size_t>(child.node)].slots)
      slots_[below].kind = Slot::Kind::missing;
  if (p >= end_) return fail(too_early, end_);
  switch (*p) {
    case '"':
      slot.kind = Slot::Kind::text;
      return string(p, slot.number.text, slot.escaped);
    case '{':
      slot.kind = Slot::Kind::object;
      if (depth >= max_depth) return fail("it is more than 1024 levels deep", p);
      return child.node >= 0 ? object(child.node, p + 1, depth + 1) : skip(p, depth + 1);
    case '[':
      slot.kind = Slot::Kind::array;
      return skip(p, depth + 1);
    case 't':
      slot.kind = Slot::Kind::true_;
      return literal(p, "true");
    case 'f':
      slot.kind = Slot::Kind::false_;
      return literal(p, "false");
    case 'n':
      slot.kind = Slot::Kind::null;
      return literal(p, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      slot.kind = Slot::Kind::number;
      return number(p, slot.number);
    default:
      return fail("a value is missing or wrong", p);
  }
}

/// Reads the container whose bracket is at `p`, which is `depth` levels deep.
const char* JsonWalker::skip(const char* p, int depth) {
  const int above = depth - 1;
  int level = above;
  std::string_view raw;
  bool escaped = false;
open:
  if (++level > max_depth) return fail("it is more than 1024 levels deep", p);
  in_object_[static_cast<size_t>(level)] = *p == '{';
  p = spaces(p + 1);
  if (p >= end_) return fail(too_early, end_);
  if (in_object_[static_cast<size_t>(level)]) {
    if (*p == '}') goto close;
  } else {
    if (*p == ']') goto close;
    goto item;
  }
member:
  if (p >= end_ || *p != '"') return fail("a name in quotes is missing", p);
  p = string(p, raw, escaped);
  if (p == nullptr) return nullptr;
  p = spaces(p);
  if (p >= end_ || *p != ':') return fail("a colon is missing", p);
  p = spaces(p + 1);
item:
  if (p < end_ && (*p == '{' || *p == '[')) goto open;
  p = scalar(p);
  if (p == nullptr) return nullptr;
next:
  p = spaces(p);
  if (p >= end_) return fail(too_early, end_);
  if (*p == ',') {
    p = spaces(p + 1);
    if (in_object_[static_cast<size_t>(level)]) goto member;
    goto item;
  }
  if (*p != (in_object_[static_cast<size_t>(level)] ? '}' : ']'))
    return fail("a comma or closing bracket is missing", p);
close:
  ++p;
  if (--level == above) return p;
  goto next;
}

void JsonWalker::write_name(std::string_view raw, std::string& out) {
  if (raw.find('\\') == std::string_view::npos) {
    out += '"';
    out += raw;
    out += '"';
    return;
  }
  name_.resize(raw.size());
  name_.resize(unescape(raw, name_.data()));
  append_quoted(name_, out);
}

/// Writes the value at `p`, which was found right, without spaces between its tokens.
const char* JsonWalker::write_value(const char* p, std::string& out) {
  const char c = *p;
  if (c == '"') {
    std::string_view raw;
    bool escaped = false;
    const char* end = string(p, raw, escaped);
    out.append(p, end);
    return end;
  }
  if (c != '{' && c != '[') {
    const char* end = p;
    while (end < end_ && !is_space(*end) && *end != ',' && *end != '}' && *end != ']') ++end;
    out.append(p, end);
    return end;
  }
  const size_t first = members_.size();
  out += c;
  const size_t open = out.size();
  p = spaces(p + 1);
  while (*p != '}' && *p != ']') {
    if (*p == ',') {
      out += ',';
      p = spaces(p + 1);
    }
    if (c == '{') {
      std::string_view raw;
      bool escaped = false;
      members_.push_back({out.size(), 0, 0});
      const size_t member = members_.size() - 1;
      p = spaces(string(p, raw, escaped));
      write_name(raw, out);
      members_[member].name_size = out.size() - members_[member].begin;
      out += ':';
      p = write_value(spaces(p + 1), out);
      members_[member].end = out.size();
    } else {
      p = write_value(p, out);
    }
    p = spaces(p);
  }
  drop_repeated(first, open, out);
  out += *p;
  return p + 1;
}

/// Takes all but the last of the members of one name out of the text from `open` on; `first` is the first of
/// these members.
void JsonWalker::drop_repeated(size_t first, size_t open, std::string& out) {
  const auto name = [&](const Member& m) { return std::string_view(out).substr(m.begin, m.name_size); };
  const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first), end = members_.end();
  bool repeated = false;
  if (end - begin <= 16) {
    for (auto a = begin; a != end && !repeated; ++a)
      for (auto b = a + 1; b != end && !repeated; ++b) repeated = name(*a) == name(*b);
  } else {
    std::sort(begin, end, [&](const Member& a, const Member& b) { return name(a) < name(b); });
    repeated = std::adjacent_find(
                   begin, end, [&](const Member& a, const Member& b) { return name(a) == name(b); }) != end;
  }
  if (repeated) {
    std::sort(begin, end, [&](const Member& a, const Member& b) {
      const int order = name(a).compare(name(b));
      return order != 0 ? order < 0 : a.begin > b.begin;
    });
    const auto last =
        std::unique(begin, end, [&](const Member& a, const Member& b) { return name(a) == name(b); });
    std::sort(begin, last, [](const Member& a, const Member& b) { return a.begin < b.begin; });
    std::string text;
    for (auto m = begin; m != last; ++m) {
      if (!text.empty()) text += ',';
      text.append(out, m->begin, m->end - m->begin);
    }
    out.replace(open, std::string::npos, text);
  }
  members_.resize(first);
}

void JsonWalker::write_kept(std::string& out) {
  const size_t open = out.size();
  members_.clear();
  for (const auto& [raw, at] : kept_) {
    if (out.size() > open) out += ',';
    members_.push_back({out.size(), 0, 0});
    const size_t member = members_.size() - 1;
    write_name(raw, out);
    members_[member].name_size = out.size() - members_[member].begin;
    out += ':';
    write_value(at, out);
    members_[member].end = out.size();
  }
  drop_repeated(0, open, out);
}

}  // namespace tamis::transforms
