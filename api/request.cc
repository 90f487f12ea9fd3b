#include "api/request.h"

#include <algorithm>
#include <charconv>

#include "api/problem.h"
#include "core/base/suggest.h"

namespace tamis::api {
namespace {

using base::Json;

void drop_nulls(Json& json) {
  if (json.is_array()) {
    for (auto& item : json) drop_nulls(item);
  } else if (json.is_object()) {
    for (auto it = json.begin(); it != json.end();) {
      if (it->is_null()) {
        it = json.erase(it);
      } else {
        drop_nulls(*it);
        ++it;
      }
    }
  }
}

bool dislikes_nulls(const std::string& agent) {
  constexpr std::string_view mark = "OpenAPI-Generator/2.";
  const size_t at = agent.find(mark);
  if (at == std::string::npos || at + mark.size() + 1 >= agent.size()) return false;
  const char minor = agent[at + mark.size()], next = agent[at + mark.size() + 1];
  return minor >= '0' && minor <= '8' && next == '.';
}

}  // namespace

base::Instant read_instant(std::string text, std::string_view name) {
  std::replace(text.begin(), text.end(), ' ', '+');
  if (const auto instant = base::parse_rfc3339(text)) return *instant;
  if (base::parse_instant(text))
    bad_request(fmt::format("Naive datetime is disallowed: '{}' in '{}'; write 2026-03-01T09:00:00+00:00",
                            text, name));
  bad_request(fmt::format("Incorrect datetime argument '{}' in '{}'", text, name));
}

Json write_instant(const std::optional<base::Instant>& instant) {
  return instant ? Json(base::format_isoformat(*instant)) : Json();
}

const std::string& Request::at(std::string_view name) const {
  return path_.at(std::string(name));
}

std::optional<std::string> Request::text(std::string_view name) const {
  for (auto it = call_.query.rbegin(); it != call_.query.rend(); ++it)
    if (it->first == name) return it->second;
  return std::nullopt;
}

std::vector<std::string> Request::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : call_.query)
    if (key == name) values.push_back(value);
  return values;
}

std::optional<bool> Request::boolean(std::string_view name) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  if (*value == "true" || *value == "True" || *value == "1") return true;
  if (*value == "false" || *value == "False" || *value == "0") return false;
  bad_request(fmt::format("'{}' is not of type 'boolean' ('{}')", *value, name));
}

std::optional<int64_t> Request::integer(std::string_view name) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc() || end != value->data() + value->size() || value->empty())
    bad_request(fmt::format("'{}' is not of type 'integer' ('{}')", *value, name));
  return number;
}

std::optional<base::Instant> Request::instant(std::string_view name) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  return read_instant(*value, name);
}

Page Request::page() const {
  const int64_t limit = integer("limit").value_or(100), offset = integer("offset").value_or(0);
  if (limit < 0) bad_request(fmt::format("{} is less than the minimum of 0 ('limit')", limit));
  if (offset < 0) bad_request(fmt::format("{} is less than the minimum of 0 ('offset')", offset));
  return {limit == 0 ? 100 : static_cast<size_t>(std::min<int64_t>(limit, 100)), static_cast<size_t>(offset)};
}

std::pair<std::string, bool> Request::order(std::span<const std::string> fields,
                                            std::string_view fallback) const {
  std::string field = text("order_by").value_or(std::string(fallback));
  const bool descending = field.starts_with('-');
  if (descending) field.erase(0, 1);
  if (std::find(fields.begin(), fields.end(), field) == fields.end())
    bad_request(fmt::format("Ordering with '{}' is disallowed or the attribute does not exist on the model{}",
                            field, base::did_you_mean(field, fields)));
  return {field, descending};
}

Json Request::object(std::span<const std::string> keys) const {
  if (call_.body.empty()) return Json::object();
  Json body;
  try {
    body = Json::parse(call_.body);
  } catch (const Json::parse_error& error) {
    bad_request(fmt::format("the body is not JSON: at byte {}", error.byte));
  }
  if (!body.is_object()) bad_request("the body must be a JSON object");
  for (const auto& [key, value] : body.items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      bad_request(fmt::format("{{'{}': ['Unknown field.']}}{}", key, base::did_you_mean(key, keys)));
  return body;
}

http::Answer Request::json(Json body, int status) const {
  if (dislikes_nulls(call_.header("user-agent"))) drop_nulls(body);
  return {status, "application/json", body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", {}};
}

}  // namespace tamis::api
