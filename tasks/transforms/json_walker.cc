#include "tasks/transforms/json_walker.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "tasks/transforms/json_text.h"

namespace tamis::transforms {
namespace {

/// How many members of an object are guessed; the others are looked up.
constexpr size_t guesses_per_node = 64;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool only_spaces(const char* begin, const char* end) {
  while (begin < end && is_space(*begin)) ++begin;
  return begin == end;
}

}  // namespace

int PathTree::add(const std::vector<std::string>& path) {
  int node = 0;
  for (size_t i = 0;; ++i) {
    size_t child = 0;
    auto& children = nodes[static_cast<size_t>(node)].children;
    while (child < children.size() && children[child].name != path[i]) ++child;
    if (child == children.size()) children.push_back({path[i]});
    if (i + 1 == path.size()) {
      if (children[child].slot < 0) {
        children[child].slot = slots++;
        // A second value of a member makes all below the first one void.
        int above = 0;
        for (size_t k = 0; k < i; ++k) {
          auto& named = nodes[static_cast<size_t>(above)].children;
          above = std::find_if(named.begin(), named.end(), [&](const Child& c) {
                    return c.name == path[k];
                  })->node;
          nodes[static_cast<size_t>(above)].slots.push_back(slots - 1);
        }
      }
      return nodes[static_cast<size_t>(node)].children[child].slot;
    }
    if (children[child].node < 0) {
      children[child].node = static_cast<int>(nodes.size());
      const int below = children[child].node;
      nodes.emplace_back();
      node = below;
    } else {
      node = children[child].node;
    }
  }
}

JsonWalker::JsonWalker(const PathTree& tree, bool keep)
    : tree_(tree), keep_(keep), guesses_(tree.nodes.size()), in_object_(max_depth + 1) {
  for (auto& guesses : guesses_) guesses.resize(guesses_per_node);
}

JsonWalker::~JsonWalker() = default;

bool JsonWalker::fail(const char* problem, size_t at) {
  problem_ = problem;
  problem_at_ = at;
  return false;
}

JsonWalker::Outcome JsonWalker::walk(std::string_view record, Slot* slots) {
  text_ = record.data();
  size_ = record.size();
  slots_ = slots;
  for (int i = 0; i < tree_.slots; ++i) slots[i].kind = Slot::Kind::missing;
  if (keep_) kept_.clear();
  if (record.empty()) {
    fail("it is empty", 0);
    return Outcome::malformed;
  }
  if (size_ > capacity_) {
    const size_t capacity = std::max<size_t>(size_ + size_ / 2, 16 << 10);
    const auto error =
        simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, stage_);
    if (error != simdjson::SUCCESS) {
      fail("there is not enough memory to read it", 0);
      capacity_ = 0;
      return Outcome::malformed;
    }
    capacity_ = capacity;
  }
  // UTF-8, control characters in strings and unclosed strings are found here; the places of all tokens too.
  const auto error =
      stage_->stage1(reinterpret_cast<const uint8_t*>(text_), size_, simdjson::stage1_mode::regular);
  if (error != simdjson::SUCCESS) {
    fail(error == simdjson::UTF8_ERROR        ? "it is not UTF-8"
         : error == simdjson::UNESCAPED_CHARS ? "a string holds a control character"
         : error == simdjson::UNCLOSED_STRING ? "a string does not end"
         : error == simdjson::EMPTY           ? "it holds nothing but spaces"
                                              : "it can't be read",
         size_);
    return Outcome::malformed;
  }
  tokens_ = stage_->structural_indexes.get();
  count_ = stage_->n_structural_indexes;
  tokens_[count_] = static_cast<uint32_t>(size_);
  has_escapes_ = std::memchr(text_, '\\', size_) != nullptr;
  uint32_t i = 0;
  const char first = text_[tokens_[0]];
  if (first != '{' && first != '[') {
    if (count_ == 1 ? check_scalar(0) : fail_at("something follows the value", 1))
      return Outcome::not_an_object;
    return Outcome::malformed;
  }
  // As the last token closes, no token before it can be the last, and the walk needs no further check of the
  // end than after what closes.
  if (text_[tokens_[count_ - 1]] != (first == '{' ? '}' : ']')) {
    fail(first == '{' ? "it does not end with \"}\"" : "it does not end with \"]\"", size_);
    return Outcome::malformed;
  }
  if (!(first == '{' ? object(0, i, 1) : skip(i, 1))) return Outcome::malformed;
  if (i != count_) {
    fail_at("something follows the value", i);
    return Outcome::malformed;
  }
  return first == '{' ? Outcome::object : Outcome::not_an_object;
}

/// The text of the string whose opening quote is the token; its closing quote is the last thing before the
/// next token but for spaces.
inline std::string_view JsonWalker::string_at(uint32_t token) const {
  const char* begin = text_ + tokens_[token] + 1;
  const char* end = text_ + tokens_[token + 1] - 1;
  while (*end != '"') --end;
  return {begin, static_cast<size_t>(end - begin)};
}

inline bool JsonWalker::check_string(std::string_view raw, size_t at, bool& escaped) {
  escaped = has_escapes_ && raw.find('\\') != std::string_view::npos;
  return !escaped || valid_escapes(raw) || fail("a string holds a wrong escape", at);
}

inline bool JsonWalker::check_literal(uint32_t token, std::string_view word) {
  const char* begin = text_ + tokens_[token];
  const char* end = text_ + tokens_[token + 1];
  return (static_cast<size_t>(end - begin) >= word.size() &&
          std::memcmp(begin, word.data(), word.size()) == 0 &&
          (begin + word.size() == end || only_spaces(begin + word.size(), end))) ||
         fail_at("there is no such value", token);
}

inline bool JsonWalker::check_number(uint32_t token, Number& number) {
  const char* end = text_ + tokens_[token + 1];
  const char* after = scan_number(text_ + tokens_[token], end, number);
  return (after != nullptr && (after == end || only_spaces(after, end))) ||
         fail_at("a number is wrong", token);
}

bool JsonWalker::check_scalar(uint32_t token) {
  bool escaped = false;
  Number number;
  switch (text_[tokens_[token]]) {
    case '"':
      return !has_escapes_ || check_string(string_at(token), tokens_[token], escaped);
    case 't':
      return check_literal(token, "true");
    case 'f':
      return check_literal(token, "false");
    case 'n':
      return check_literal(token, "null");
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
      return check_number(token, number);
    default:
      return fail_at("a value is missing or wrong", token);
  }
}

int JsonWalker::find_child(const PathTree::Node& node, Guess* guess, uint32_t token) {
  const std::string_view raw = string_at(token);
  std::string_view name = raw;
  bool escaped = false;
  if (!check_string(raw, tokens_[token], escaped)) return -2;
  if (escaped) {
    name_.resize(raw.size());
    name_.resize(unescape(raw, name_.data()));
    name = name_;
  }
  int child = -1;
  for (size_t c = 0; c < node.children.size(); ++c)
    if (node.children[c].name == name) child = static_cast<int>(c);
  if (guess != nullptr && raw.size() < 16) {
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
  return child;
}

bool JsonWalker::object(int node_number, uint32_t& i, int depth) {
  const PathTree::Node& node = tree_.nodes[static_cast<size_t>(node_number)];
  Guess* guesses = guesses_[static_cast<size_t>(node_number)].data();
  ++i;
  if (text_[tokens_[i]] == '}') {
    ++i;
    return true;
  }
  for (size_t k = 0;; ++k) {
    const char* at = text_ + tokens_[i];
    if (*at != '"') return fail_at("a name in quotes is missing", i);
    Guess* guess = k < guesses_per_node ? guesses + k : nullptr;
    int child = -1;
    uint64_t low = 0, high = 0;
    if (guess != nullptr && text_ + size_ - at > 16) {
      std::memcpy(&low, at + 1, 8);
      std::memcpy(&high, at + 9, 8);
      child = (low & guess->low_mask) == guess->low && (high & guess->high_mask) == guess->high
                  ? guess->child
                  : find_child(node, guess, i);
    } else {
      child = find_child(node, guess, i);
    }
    if (child == -2) return false;
    if (text_[tokens_[i + 1]] != ':') return fail_at("a colon is missing", i + 1);
    i += 2;
    if (child >= 0) {
      if (!value(node.children[static_cast<size_t>(child)], i, depth)) return false;
    } else {
      if (keep_ && node_number == 0) kept_.push_back({string_at(i - 2), i});
      const char c = text_[tokens_[i]];
      if (c == '{' || c == '[') {
        if (!skip(i, depth + 1)) return false;
        if (i >= count_) return fail("it does not end", size_);
      } else {
        if (!check_scalar(i)) return false;
        ++i;
      }
    }
    const char c = text_[tokens_[i++]];
    if (c == ',') continue;
    return c == '}' || fail_at("a comma or \"}\" is missing", i - 1);
  }
}

bool JsonWalker::value(const PathTree::Child& child, uint32_t& i, int depth) {
  Slot unused;
  Slot& slot = child.slot >= 0 ? slots_[child.slot] : unused;
  if (child.node >= 0)
    for (const int below : tree_.nodes[static_cast<size_t>(child.node)].slots)
      slots_[below].kind = Slot::Kind::missing;
  const char c = text_[tokens_[i]];
  switch (c) {
    case '"':
      slot.kind = Slot::Kind::text;
      slot.number.text = string_at(i);
      if (!check_string(slot.number.text, tokens_[i], slot.escaped)) return false;
      break;
    case '{':
    case '[':
      slot.kind = c == '{' ? Slot::Kind::object : Slot::Kind::array;
      if (depth >= max_depth) return fail_at("it is more than 1024 levels deep", i);
      if (!(c == '{' && child.node >= 0 ? object(child.node, i, depth + 1) : skip(i, depth + 1)))
        return false;
      return i < count_ || fail("it does not end", size_);
    case 't':
      slot.kind = Slot::Kind::true_;
      if (!check_literal(i, "true")) return false;
      break;
    case 'f':
      slot.kind = Slot::Kind::false_;
      if (!check_literal(i, "false")) return false;
      break;
    case 'n':
      slot.kind = Slot::Kind::null;
      if (!check_literal(i, "null")) return false;
      break;
    default:
      slot.kind = Slot::Kind::number;
      if (c != '-' && (c < '0' || c > '9')) return fail_at("a value is missing or wrong", i);
      if (!check_number(i, slot.number)) return false;
  }
  ++i;
  return true;
}

/// Checks the container at token `i`, which is `depth` levels deep, and moves `i` past it.
bool JsonWalker::skip(uint32_t& i, int depth) {
  const int above = depth - 1;
  int level = above;
  char c = 0;
open:
  if (++level > max_depth) return fail_at("it is more than 1024 levels deep", i);
  in_object_[static_cast<size_t>(level)] = text_[tokens_[i]] == '{';
  ++i;
  c = text_[tokens_[i]];
  if (in_object_[static_cast<size_t>(level)]) {
    if (c == '}') goto close;
  } else {
    if (c == ']') goto close;
    goto item;
  }
member:
  if (text_[tokens_[i]] != '"') return fail_at("a name in quotes is missing", i);
  if (has_escapes_) {
    bool escaped = false;
    if (!check_string(string_at(i), tokens_[i], escaped)) return false;
  }
  if (text_[tokens_[i + 1]] != ':') return fail_at("a colon is missing", i + 1);
  i += 2;
item:
  c = text_[tokens_[i]];
  if (c == '{' || c == '[') goto open;
  if (!check_scalar(i)) return false;
  ++i;
next:
  c = text_[tokens_[i]];
  if (c == ',') {
    ++i;
    if (in_object_[static_cast<size_t>(level)]) goto member;
    goto item;
  }
  if (c != (in_object_[static_cast<size_t>(level)] ? '}' : ']'))
    return fail_at("a comma or closing bracket is missing", i);
close:
  ++i;
  if (--level == above) return true;
  if (i >= count_) return fail("it does not end", size_);
  goto next;
}

void JsonWalker::write_name(std::string_view raw, std::string& out) {
  if (!has_escapes_ || raw.find('\\') == std::string_view::npos) {
    out += '"';
    out += raw;
    out += '"';
    return;
  }
  name_.resize(raw.size());
  name_.resize(unescape(raw, name_.data()));
  append_quoted(name_, out);
}

void JsonWalker::write_value(uint32_t& i, std::string& out) {
  const char c = text_[tokens_[i]];
  if (c != '{' && c != '[') {
    const char* end = text_ + tokens_[i + 1];
    while (is_space(end[-1])) --end;
    out.append(text_ + tokens_[i], end);
    ++i;
    return;
  }
  const size_t first = members_.size();
  out += c;
  const size_t open = out.size();
  ++i;
  while (text_[tokens_[i]] != '}' && text_[tokens_[i]] != ']') {
    if (text_[tokens_[i]] == ',') {
      out += ',';
      ++i;
    }
    if (c == '{') {
      members_.push_back({out.size(), 0, 0});
      const size_t member = members_.size() - 1;
      write_name(string_at(i), out);
      members_[member].name_size = out.size() - members_[member].begin;
      out += ':';
      i += 2;
      write_value(i, out);
      members_[member].end = out.size();
    } else {
      write_value(i, out);
    }
  }
  ++i;
  drop_repeated(first, open, out);
  out += c == '{' ? '}' : ']';
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
  for (const auto& [name, token] : kept_) {
    if (out.size() > open) out += ',';
    members_.push_back({out.size(), 0, 0});
    const size_t member = members_.size() - 1;
    write_name(name, out);
    members_[member].name_size = out.size() - members_[member].begin;
    out += ':';
    uint32_t i = token;
    write_value(i, out);
    members_[member].end = out.size();
  }
  drop_repeated(0, open, out);
}

}  // namespace tamis::transforms
