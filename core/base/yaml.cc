#include "core/base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <fmt/core.h>

#include <charconv>
#include <map>
#include <sstream>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace tamis::base {
namespace {

/// YAML 1.2's core schema for plain scalars; `yes`, `on` and `08` are texts there.
void resolve_plain(Node& node) {
  const std::string& t = node.text;
  if (t.empty() || t == "~" || t == "null" || t == "Null" || t == "NULL") {
    node.kind = Node::Kind::null;
    return;
  }
  if (t == "true" || t == "True" || t == "TRUE" || t == "false" || t == "False" || t == "FALSE") {
    node.kind = Node::Kind::boolean;
    node.boolean = (t[0] | 32) == 't';
    return;
  }
  node.kind = Node::Kind::text;
  const char* begin = t.data() + (t[0] == '+' ? 1 : 0);
  const char* end = t.data() + t.size();
  const size_t first_digit = t[0] == '-' || t[0] == '+' ? 1 : 0;
  if (t.size() <= first_digit || ((t[first_digit] < '0' || t[first_digit] > '9') && t[first_digit] != '.'))
    return;
  int64_t integer = 0;
  if (t.size() > 2 && t[0] == '0' && (t[1] == 'x' || t[1] == 'o')) {
    if (auto [stop, error] = std::from_chars(begin + 2, end, integer, t[1] == 'x' ? 16 : 8);
        stop == end && error == std::errc()) {
      node.kind = Node::Kind::integer;
      node.integer = integer;
      node.number = static_cast<double>(integer);
    }
    return;
  }
  if (auto [stop, error] = std::from_chars(begin, end, integer); stop == end && error == std::errc()) {
    // 007 is a number in YAML and a mistake in most files; texts such as phone prefixes keep their zeros.
    node.kind = Node::Kind::integer;
    node.integer = integer;
    node.number = static_cast<double>(integer);
    return;
  }
  double number = 0;
  if (auto [stop, error] = std::from_chars(begin, end, number); stop == end && error == std::errc()) {
    node.kind = Node::Kind::number;
    node.number = number;
  }
}

class Builder : public YAML::EventHandler {
 public:
  Builder(const std::vector<std::string_view>& lines, Findings& findings, std::vector<Node>& documents)
      : lines_(lines), findings_(findings), documents_(documents) {}

  void OnDocumentStart(const YAML::Mark&) override {
    root_ = Node();
    stack_.clear();
    anchors_.clear();
    anchor_names_.clear();
  }
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    const Span span = at(mark, static_cast<int>(name.size()) + 1);
    if (const auto [former, is_new] = anchor_names_.emplace(name, span); !is_new)
      findings_.error(span, "duplicate_anchor",
                      fmt::format("the anchor \"&{}\" is there twice; first in line {}, column {}", name,
                                  former->second.line, former->second.column));
  }
  void OnDocumentEnd() override { documents_.push_back(std::move(root_)); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.span = at(mark, 0);
    add(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    Node node = found == anchors_.end() ? Node() : found->second;
    aliased_ += weight(node);
    // An alias of aliases of aliases grows exponentially; no honest file comes near this.
    if (aliased_ > 100000) throw YAML::ParserException(mark, "aliases repeat too much");
    node.span = at(mark, 1);
    add(std::move(node), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.text = value;
    node.quoted = tag == "!";
    node.span = scalar_span(mark, value);
    if (node.quoted || tag == "tag:yaml.org,2002:str")
      node.kind = Node::Kind::text;
    else
      resolve_plain(node);
    if (tag != "!" && tag != "?" && !tag.empty() && tag != "tag:yaml.org,2002:str")
      findings_.error(node.span, "unknown_tag", "the tag \"" + tag + "\" is not allowed");
    add(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    std::string key;
    Span key_span;
    std::vector<std::pair<Node, Span>> merges;
    std::unordered_map<std::string, Span> keys;  ///< a mapping may have a hundred thousand
  };

  static Span at(const YAML::Mark& mark, int width) {
    return {mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 1 + width};
  }
  static void extend(Span& outer, const Span& inner) {
    if (std::tie(inner.end_line, inner.end_column) > std::tie(outer.end_line, outer.end_column)) {
      outer.end_line = inner.end_line;
      outer.end_column = inner.end_column;
    }
  }
  /// `{{ ds }}` without quotes: a mapping whose key is a mapping of one empty member, inside a mapping that
  /// begins right before.
  bool is_template(const Node& key) const {
    return key.is_map() && !stack_.empty() && stack_.back().node.span.line == key.span.line &&
           stack_.back().node.span.column + 1 == key.span.column;
  }

  /// Where a scalar ends: found in the source, as escapes, quotes and folding make its value differ from what
  /// was written.
  Span scalar_span(const YAML::Mark& mark, const std::string& value) const {
    Span span = at(mark, 1);
    auto line = static_cast<size_t>(mark.line);
    if (line >= lines_.size()) return span;
    auto column = static_cast<size_t>(mark.column);
    // A node begins with its anchor and tag.
    while (column < lines_[line].size() && (lines_[line][column] == '&' || lines_[line][column] == '!')) {
      while (column < lines_[line].size() && lines_[line][column] != ' ') ++column;
      while (column < lines_[line].size() && lines_[line][column] == ' ') ++column;
    }
    if (column >= lines_[line].size()) return span;
    const char quote = lines_[line][column];
    if (quote == '"' || quote == '\'') {
      for (++column; line < lines_.size(); ++line, column = 0)
        for (; column < lines_[line].size(); ++column) {
          if (quote == '"' && lines_[line][column] == '\\') {
            ++column;
          } else if (lines_[line][column] == quote) {
            if (quote == '\'' && column + 1 < lines_[line].size() && lines_[line][column + 1] == quote) {
              ++column;
            } else {
              span.end_line = static_cast<int>(line) + 1;
              span.end_column = static_cast<int>(column) + 2;
              return span;
            }
          }
        }
      return span;
    }
    if (lines_[line].substr(column).starts_with(value)) {
      span.end_column = static_cast<int>(column + value.size()) + 1;
    } else if (quote != '|' && quote != '>') {
      span.end_column =
          static_cast<int>(lines_[line].find_last_not_of(" \t")) + 2;  // a plain scalar over several lines
    }
    if (span.end_column <= span.column) span.end_column = span.column + 1;
    return span;
  }
  static size_t weight(const Node& node) {
    size_t n = 1;
    for (const auto& item : node.items) n += weight(item);
    for (const auto& entry : node.entries) n += weight(entry.value);
    return n;
  }
  void open(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (stack_.size() > 100) throw YAML::ParserException(mark, "nested deeper than 100 levels");
    Frame frame;
    frame.node.kind = kind;
    frame.node.span = at(mark, 1);
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }
  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    // `<<` gives what the mapping does not say itself; the first of several wins.
    for (auto& [merged, span] : frame.merges) {
      auto take = [&](const Node& from) {
        if (!from.is_map())
          return findings_.error(span, "bad_merge", "\"<<\" needs a mapping or a list of mappings");
        for (const auto& entry : from.entries)
          if (frame.node.find(entry.key) == nullptr) frame.node.entries.push_back(entry);
      };
      if (merged.is_list())
        for (const auto& item : merged.items) take(item);
      else
        take(merged);
    }
    add(std::move(frame.node), frame.anchor);
  }
  void add(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.is_list()) {
      frame.node.items.push_back(std::move(node));
      extend(frame.node.span, frame.node.items.back().span);
    } else if (!frame.has_key) {
      if (is_template(node))
        findings_.error(frame.node.span, "unquoted_template", "\"{{\" begins a mapping in YAML",
                        "write the template in quotes: \"{{ … }}\"");
      else if (node.is_map() || node.is_list())
        findings_.error(node.span, "bad_key", "a key must be a plain word");
      frame.has_key = true;
      frame.key = node.text;
      frame.key_span = node.span;
    } else {
      frame.has_key = false;
      extend(frame.node.span, node.span);
      if (frame.key == "<<") {
        frame.merges.emplace_back(std::move(node), frame.key_span);
      } else if (const auto [former, is_new] = frame.keys.emplace(frame.key, frame.key_span); !is_new) {
        findings_.error(frame.key_span, "duplicate_key",
                        fmt::format("\"{}\" is there twice; first in line {}, column {}", frame.key,
                                    former->second.line, former->second.column));
      } else {
        frame.node.entries.push_back({frame.key, frame.key_span, std::move(node)});
      }
    }
  }

  const std::vector<std::string_view>& lines_;
  Findings& findings_;
  std::vector<Node>& documents_;
  std::map<std::string, Span> anchor_names_;
  Node root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  size_t aliased_ = 0;
};

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// The text as yaml-cpp should see it: no byte-order mark, LF alone ends a line (places stay the same), and
/// only characters that YAML allows; what isn't becomes a finding and a blank.
std::string readable(const std::string& source, Findings& findings) {
  std::string text = source.starts_with("\xEF\xBB\xBF") ? source.substr(3) : source;
  size_t out = 0;
  int line = 1, column = 1;
  bool told_utf8 = false, told_control = false;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    size_t length = 1;
    bool valid = byte < 0x80;
    if (byte >= 0xC2 && byte < 0xF5) {
      length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
      valid = i + length <= text.size();
      for (size_t k = 1; valid && k < length; ++k)
        valid = (static_cast<unsigned char>(text[i + k]) & 0xC0) == 0x80;
    }
    if (!valid) {
      length = 1;
      if (!std::exchange(told_utf8, true))
        findings.error({line, column, line, column + 1}, "not_utf8", "the file is not UTF-8");
      text[i] = '?';
    } else if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) {
      if (!std::exchange(told_control, true))
        findings.error({line, column, line, column + 1}, "control_character",
                       fmt::format("the control character 0x{:02x} is not allowed", byte));
      text[i] = ' ';
    }
    if (byte == '\r') {
      if (i + 1 < text.size() && text[i + 1] == '\n') {
        ++i;
        continue;
      }
      text[i] = '\n';
    }
    for (size_t k = 0; k < length; ++k) text[out++] = text[i + k];
    column += static_cast<int>(length);
    if (text[i] == '\n') {
      ++line;
      column = 1;
    }
    i += length;
  }
  text.resize(out);
  return text;
}

/// Where a line's value begins with a character that YAML keeps for itself (`@daily`, `*/5 * * * *`, `%`, a
/// backtick), or npos: the value can't be read, but what was meant is plain.
size_t reserved_value(std::string_view line) {
  size_t at = line.find_first_not_of(' ');
  while (at != std::string_view::npos && line.substr(at).starts_with("- "))
    at = line.find_first_not_of(' ', at + 2);
  if (at == std::string_view::npos) return at;
  const size_t colon = line.find(": ", at);
  const size_t value = colon == std::string_view::npos ? at : line.find_first_not_of(' ', colon + 2);
  if (value == std::string_view::npos) return value;
  const char c = line[value];
  const bool is_cron =
      c == '*' && value + 1 < line.size() && (line[value + 1] == ' ' || line[value + 1] == '/');
  return c == '@' || c == '%' || c == '`' || is_cron ? value : std::string_view::npos;
}

void syntax_error(const YAML::Exception& e, const std::vector<std::string_view>& lines, Findings& findings) {
  Span span;
  span.line = span.end_line = std::max(0, e.mark.line) + 1;
  span.column = std::max(0, e.mark.column) + 1;
  span.end_column = span.column + 1;
  // A tab confuses the parser somewhere later: what it says then helps nobody.
  for (size_t i = 0; i < lines.size() && i < static_cast<size_t>(span.line); ++i)
    if (const size_t tab = lines[i].find_first_not_of(' ');
        tab != std::string_view::npos && lines[i][tab] == '\t') {
      const int line = static_cast<int>(i) + 1, column = static_cast<int>(tab) + 1;
      return findings.error({line, column, line, column + 1}, "tab", "a tab can't indent in YAML",
                            "indent with blanks");
    }
  std::string hint;
  const std::string_view line = static_cast<size_t>(span.line) <= lines.size()
                                    ? lines[static_cast<size_t>(span.line) - 1]
                                    : std::string_view();
  const size_t braces = line.find("{{");
  if (braces != std::string_view::npos &&
      line.substr(0, braces).find_first_of("\"'") == std::string_view::npos)
    hint = "templates begin with \"{{\" and need quotes around them";
  std::string code = "bad_yaml", message = e.msg;
  if (message.find("end of map not found") != std::string::npos ||
      message.find("end of sequence not found") != std::string::npos ||
      message.find("illegal map value") != std::string::npos) {
    code = "bad_indent";
    message = "this line is not indented as the lines before it, or a value with \": \" in it lacks quotes";
  } else if (message.find("the referenced anchor is not defined") != std::string::npos ||
             message.find("unknown anchor") != std::string::npos) {
    code = "unknown_anchor";
    if (hint.empty()) hint = "\"*\" begins an alias in YAML; write texts that begin with it in quotes";
  }
  findings.error(span, code, message, hint);
}

}  // namespace

std::vector<Node> parse_yaml(const std::string& source, Findings& findings) {
  std::string text = readable(source, findings);
  // Each round mends one value that lacks its quotes, so that one such mistake hides no other.
  for (int round = 0;; ++round) {
    const auto lines = split_lines(text);
    std::vector<Node> documents;
    Findings found;
    try {
      std::istringstream in(text);
      YAML::Parser parser(in);
      Builder builder(lines, found, documents);
      while (parser.HandleNextDocument(builder)) {
      }
    } catch (const YAML::Exception& e) {
      const auto number = static_cast<size_t>(std::max(0, e.mark.line));
      const size_t value = number < lines.size() ? reserved_value(lines[number]) : std::string_view::npos;
      if (value != std::string_view::npos && round < 100) {
        size_t end = lines[number].find(" #", value);
        end = lines[number].find_last_not_of(' ', end == std::string_view::npos ? end : end - 1) + 1;
        const std::string written(lines[number].substr(value, end - value));
        const int line = static_cast<int>(number) + 1;
        findings.error({line, static_cast<int>(value) + 1, line, static_cast<int>(end) + 1}, "unquoted",
                       fmt::format("\"{}\" begins with a character that YAML keeps for itself", written),
                       fmt::format("write it in quotes: \"{}\"", written));
        std::string mended(lines[number].substr(0, value));
        mended += "'";
        for (const char c : written) mended += c == '\'' ? std::string("''") : std::string(1, c);
        mended += "'";
        mended += lines[number].substr(end);
        const auto offset = static_cast<size_t>(lines[number].data() - text.data());
        text.replace(offset, lines[number].size(), mended);
        continue;
      }
      syntax_error(e, lines, found);
    }
    for (const auto& f : found.all())
      f.severity == Severity::error ? findings.error(f.span, f.code, f.message, f.hint)
                                    : findings.warning(f.span, f.code, f.message, f.hint);
    return documents;
  }
}

}  // namespace tamis::base
