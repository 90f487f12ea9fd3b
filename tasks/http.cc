#include <algorithm>

#include "core/base/error.h"
#include "core/http/client.h"
#include "tasks/kinds.h"
#include "tasks/pipeline/json_text.h"

namespace tamis::tasks {
namespace {

constexpr size_t answer_kept = 4096;

std::string text_of(const base::Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

bool is_expected(const base::Json& kwargs, int status) {
  const auto expected = kwargs.find("expected_status");
  if (expected == kwargs.end() || expected->is_null()) return status >= 200 && status < 300;
  if (expected->is_number_integer()) return status == expected->get<int>();
  if (expected->is_array())
    return std::any_of(expected->begin(), expected->end(), [&](const auto& one) {
      return one.is_number_integer() && one.template get<int>() == status;
    });
  throw base::UserError("\"expected_status\" must be a number or a list of numbers");
}

base::Json run(const base::Json&, const base::Json& kwargs, const Context& context) {
  const auto url = kwargs.find("url");
  if (url == kwargs.end() || !url->is_string() || url->get_ref<const std::string&>().empty())
    throw base::UserError("an http task needs \"url\", a text");
  http::Request request;
  request.url = url->get<std::string>();
  request.method =
      kwargs.contains("method") && kwargs["method"].is_string() ? kwargs["method"].get<std::string>() : "GET";
  bool has_type = false;
  if (const auto headers = kwargs.find("headers"); headers != kwargs.end() && headers->is_object())
    for (const auto& [name, value] : headers->items()) {
      std::string lower = name;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      has_type = has_type || lower == "content-type";
      request.headers.push_back(name + ": " + text_of(value));
    }
  if (const auto body = kwargs.find("body"); body != kwargs.end() && !body->is_null()) {
    request.body = text_of(*body);
    if (!body->is_string() && !has_type) request.headers.emplace_back("Content-Type: application/json");
  }
  if (const auto timeout = kwargs.find("timeout"); timeout != kwargs.end() && !timeout->is_null()) {
    const auto duration = base::parse_duration(text_of(*timeout));
    if (!duration)
      throw base::UserError("\"timeout\" must be a duration such as 30s, not {}", timeout->dump());
    request.timeout = *duration;
  }
  const auto response = http::fetch(request);
  if (response.status == 0)
    throw base::TransientError("{} {} got no answer: {}", request.method, request.url, response.error);
  const std::string answer = pipeline::as_utf8(std::string_view(response.body).substr(0, answer_kept));
  if (context.log)
    context.log(fmt::format("{} {}: {}, {} bytes", request.method, request.url, response.status,
                            response.body.size()));
  if (!is_expected(kwargs, response.status)) {
    const auto message = fmt::format("{} {} answered {}: {}", request.method, request.url, response.status,
                                     answer.substr(0, 300));
    // What the server may answer otherwise later is worth a retry; a request that is wrong stays wrong.
    if (response.status >= 500 || response.status == 408 || response.status == 429)
      throw base::TransientError("{}", message);
    throw base::UserError("{}", message);
  }
  base::Json result = {{"status", response.status}};
  const auto parsed =
      response.body.size() <= answer_kept ? base::Json::parse(response.body, nullptr, false) : base::Json();
  if (parsed.is_object() || parsed.is_array())
    result["json"] = parsed;
  else
    result["body"] = answer;
  return result;
}

}  // namespace

TaskKind http_task() {
  return {"tamis.http", "sends one HTTP request and checks the answer's status", run};
}

}  // namespace tamis::tasks
