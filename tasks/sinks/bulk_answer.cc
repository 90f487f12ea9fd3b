#include "tasks/sinks/bulk_answer.h"

#include <algorithm>
#include <cstring>

#include "core/base/json.h"

namespace tamis::sinks {
namespace {

/// Walks JSON text without building values: an answer may hold tens of thousands of items, nearly all alike.
class Scanner {
 public:
  explicit Scanner(std::string_view json) : at_(json.data()), end_(json.data() + json.size()) {}

  bool ok() const { return ok_; }

  /// Calls `member(key)` for each member, which must consume the value.
  template <typename Member>
  void object(Member member) {
    list('{', '}', [&] {
      const std::string_view key = text();
      expect(':');
      if (ok_) member(key);
    });
  }
  template <typename Item>
  void array(Item item) {
    list('[', ']', item);
  }

  /// The raw inside of a string, escapes as they are.
  std::string_view text() {
    blanks();
    if (at_ == end_ || *at_ != '"') return fail(), std::string_view();
    const char* const begin = ++at_;
    while (at_ != end_ && *at_ != '"') at_ += *at_ == '\\' && end_ - at_ > 1 ? 2 : 1;
    if (at_ >= end_) return fail(), std::string_view();
    return {begin, static_cast<size_t>(at_++ - begin)};
  }

  int64_t integer() {
    blanks();
    int64_t value = 0;
    const char* const begin = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9' && at_ - begin < 18) value = value * 10 + (*at_++ - '0');
    if (at_ == begin) fail();
    return value;
  }

  void skip() {
    blanks();
    if (at_ == end_) return fail();
    if (*at_ == '"') {
      text();
    } else if (*at_ == '{' || *at_ == '[') {
      int depth = 0;
      do {
        if (at_ == end_) return fail();
        if (*at_ == '"') {
          text();
          continue;
        }
        depth += *at_ == '{' || *at_ == '[' ? 1 : *at_ == '}' || *at_ == ']' ? -1 : 0;
        ++at_;
      } while (ok_ && depth > 0);
    } else {
      while (at_ != end_ && std::strchr(",]} \t\r\n", *at_) == nullptr) ++at_;
    }
  }

  bool at_end() {
    blanks();
    return at_ == end_;
  }

 private:
  void fail() {
    ok_ = false;
    at_ = end_;
  }
  void blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  void expect(char c) {
    blanks();
    if (at_ == end_ || *at_ != c) return fail();
    ++at_;
  }
  template <typename One>
  void list(char open, char close, One one) {
    expect(open);
    blanks();
    if (ok_ && at_ != end_ && *at_ == close) {
      ++at_;
      return;
    }
    while (ok_) {
      one();
      blanks();
      if (!ok_ || at_ == end_) return fail();
      const char c = *at_++;
      if (c == close) return;
      if (c != ',') return fail();
    }
  }

  const char* at_;
  const char* const end_;
  bool ok_ = true;
};

/// A string's value from its raw inside.  An answer's words are for people: what can't be read stays as it
/// is.
std::string unescaped(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos) return std::string(raw);
  const auto value = base::Json::parse('"' + std::string(raw) + '"', nullptr, false);
  return value.is_string() ? value.get<std::string>() : std::string(raw);
}

}  // namespace

BulkAnswer read_bulk_answer(std::string_view json) {
  BulkAnswer answer;
  Scanner scan(json);
  bool has_items = false;
  scan.object([&](std::string_view key) {
    if (key != "items") return scan.skip();
    has_items = true;
    scan.array([&] {
      BulkItem item;
      item.position = static_cast<uint32_t>(answer.items++);
      scan.object([&](std::string_view) {  // the action's name
        scan.object([&](std::string_view member) {
          if (member == "status") {
            item.status = static_cast<int>(scan.integer());
          } else if (member == "error") {
            scan.object([&](std::string_view part) {
              if (part == "type")
                item.type = unescaped(scan.text());
              else if (part == "reason")
                item.reason = unescaped(scan.text());
              else
                scan.skip();
            });
          } else {
            scan.skip();
          }
        });
      });
      if (scan.ok() && (item.status < 200 || item.status > 299)) answer.failed.push_back(std::move(item));
    });
  });
  answer.readable = scan.ok() && scan.at_end() && has_items;
  return answer;
}

Verdict judge_item(const BulkItem& item, int attempt) {
  constexpr int tries_of_pipelines = 4;
  const auto about = [&](std::string_view words) { return item.reason.find(words) != std::string::npos; };
  if (item.status >= 200 && item.status < 300) return Verdict::done;
  if (item.type == "action_request_validation_exception") return Verdict::isolate;
  if (item.type == "cluster_block_exception")
    // Blocks that the server lifts by itself once there is room: 429, and 403 before version 7.
    return item.status == 429 || about("FORBIDDEN/12") ? Verdict::retry_slowly : Verdict::misplaced;
  switch (item.status) {
    case 409:
      return Verdict::already_there;
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return Verdict::retry;
    case 401:
    case 403:
    case 404:
      return Verdict::misplaced;
    // An ingest pipeline's own failure is a 500 too, and stays one.
    case 500:
      return attempt < tries_of_pipelines ? Verdict::retry : Verdict::refuse;
    default:
      break;
  }
  if (item.type == "index_closed_exception" || item.type == "invalid_index_name_exception" ||
      about("pipeline with id [") || about("only write ops with an op_type of create"))
    return Verdict::misplaced;
  return item.status >= 500 || item.status == 0 ? Verdict::retry : Verdict::refuse;
}

std::string error_text(std::string_view body) {
  const auto json = base::Json::parse(body, nullptr, false);
  if (json.is_object() && json.contains("error")) {
    const auto& error = json["error"];
    if (error.is_string()) return error.get<std::string>();
    if (error.is_object())
      return error.value("type", std::string("error")) + ": " +
             (error.contains("reason") && error["reason"].is_string() ? error["reason"].get<std::string>()
                                                                      : "");
  }
  std::string text(body.substr(0, 300));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace tamis::sinks
