#include "core/base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

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
  Builder(Findings& findings, std::vector<Node>& documents) : findings_(findings), documents_(documents) {}

  void OnDocumentStart(const YAML::Mark&) override {
    root_ = Node();
    stack_.clear();
    anchors_.clear();
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
    node.span = at(mark, static_cast<int>(value.size()) + (node.quoted ? 2 : 0));
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
  };

  static Span at(const YAML::Mark& mark, int width) {
    return {mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 1 + width};
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
    } else if (!frame.has_key) {
      if (node.is_map() || node.is_list())
        findings_.error(node.span, "bad_key", "a key must be a plain word");
      frame.has_key = true;
      frame.key = node.text;
      frame.key_span = node.span;
    } else {
      frame.has_key = false;
      if (frame.key == "<<") {
        frame.merges.emplace_back(std::move(node), frame.key_span);
      } else if (const Node* former = frame.node.find(frame.key)) {
        findings_.error(frame.key_span, "duplicate_key",
                        "\"" + frame.key + "\" is there twice; first in line " +
                            std::to_string(frame.node.key_span(frame.key).line));
        (void)former;
      } else {
        frame.node.entries.push_back({frame.key, frame.key_span, std::move(node)});
      }
    }
  }

  Findings& findings_;
  std::vector<Node>& documents_;
  Node root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  size_t aliased_ = 0;
};

}  // namespace

std::vector<Node> parse_yaml(const std::string& source, Findings& findings) {
  std::vector<Node> documents;
  try {
    std::istringstream in(source);
    YAML::Parser parser(in);
    Builder builder(findings, documents);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    Span span;
    span.line = span.end_line = std::max(0, e.mark.line) + 1;
    span.column = std::max(0, e.mark.column) + 1;
    span.end_column = span.column + 1;
    findings.error(span, "bad_yaml", e.msg);
  }
  return documents;
}

}  // namespace tamis::base
