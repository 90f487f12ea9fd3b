#include "tasks/sinks/body.h"

#include <algorithm>

#include "core/base/json.h"

namespace tamis::sinks {

BodyMembers::BodyMembers(std::string_view body) : body_(body) {
  skip_spaces();
  if (at_ < body_.size() && body_[at_] == '{')
    ++at_;
  else
    at_ = body_.size();
}

void BodyMembers::skip_spaces() {
  while (at_ < body_.size() && std::string_view(" \t\r\n").find(body_[at_]) != std::string_view::npos) ++at_;
}

/// At an opening quote: moves behind the closing one, returns what is between.
std::string_view BodyMembers::string() {
  const size_t begin = ++at_;
  while (at_ < body_.size() && body_[at_] != '"') at_ += body_[at_] == '\\' ? 2 : 1;
  const size_t end = std::min(at_, body_.size());
  at_ = std::min(end + 1, body_.size());
  return body_.substr(std::min(begin, end), end - std::min(begin, end));
}

void BodyMembers::skip_value() {
  size_t depth = 0;
  while (at_ < body_.size()) {
    const char c = body_[at_];
    if (c == '"') {
      string();
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (depth == 0 && (c == ',' || c == '}')) return;
    if (c == '}' || c == ']') --depth;
    ++at_;
  }
}

bool BodyMembers::next() {
  skip_spaces();
  if (at_ < body_.size() && body_[at_] == ',') {
    ++at_;
    skip_spaces();
  }
  if (at_ >= body_.size() || body_[at_] != '"') return false;
  name_ = string();
  skip_spaces();
  if (at_ >= body_.size() || body_[at_] != ':') return false;
  ++at_;
  skip_spaces();
  const size_t begin = at_;
  skip_value();
  size_t end = std::min(at_, body_.size());
  while (end > begin && std::string_view(" \t\r\n").find(body_[end - 1]) != std::string_view::npos) --end;
  value_ = body_.substr(begin, end - begin);
  return true;
}

std::string unescape(std::string_view written) {
  if (written.find('\\') == std::string_view::npos) return std::string(written);
  const auto json = base::Json::parse("\"" + std::string(written) + "\"", nullptr, false);
  return json.is_string() ? json.get<std::string>() : std::string(written);
}

void append_json_string(std::string_view text, std::string& out) {
  const bool is_plain = std::all_of(text.begin(), text.end(),
                                    [](char c) { return c >= ' ' && c < 127 && c != '"' && c != '\\'; });
  if (is_plain) {
    out += '"';
    out += text;
    out += '"';
  } else {
    out += base::Json(text).dump(-1, ' ', false, base::Json::error_handler_t::replace);
  }
}

}  // namespace tamis::sinks
