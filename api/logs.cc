// `…/logs/{try}`: what a try of a task instance wrote, as text or in Airflow's wrapping.
#include <charconv>

#include "api/problem.h"
#include "api/task_instances.h"

namespace tamis::api {
namespace {

using base::Json;

/// Lines of one chunk when the whole is not asked for.
constexpr size_t chunk_lines = 1000;

/// A text as Python's repr writes it: clients of Airflow get the log as the repr of a list of pairs.
std::string python_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\\' || c == '\'') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::optional<size_t> read_number(std::string_view text) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

size_t position(const Request& request) {
  const auto token = request.text("token");
  if (!token || token->empty()) return 0;
  const auto at =
      token->starts_with("line-") ? read_number(std::string_view(*token).substr(5)) : std::nullopt;
  if (!at) bad_request("Bad Signature. Please use only the tokens provided by the API.");
  return *at;
}

bool wants_json(const Request& request) {
  const auto accept = request.call().header("accept");
  if (accept.find("text/plain") != std::string::npos || accept.empty() ||
      accept.find("*/*") != std::string::npos)
    return accept.starts_with("application/json");
  if (accept.find("application/json") != std::string::npos) return true;
  throw Problem(406, usual_title(406), "a log is told as text/plain or application/json");
}

http::Answer get(Backend& backend, const Request& request) {
  const bool as_json = wants_json(request);
  const size_t from = position(request);
  const bool whole = request.boolean("full_content").value_or(false);
  const auto map_index = request.integer("map_index");
  const auto run = find_run(backend, request);
  const auto& instance =
      find_instance(run, request.at("task_id"), map_index == -1 ? std::optional<int64_t>() : map_index);
  const auto& word = request.at("try");
  const auto wanted = word == "latest" ? std::optional<size_t>(0) : read_number(word);
  if (!wanted) bad_request(fmt::format("'{}' is no try: a number from 1, or latest", word));
  const auto latest = static_cast<size_t>(instance.try_number);
  const size_t number = *wanted == 0 ? latest : *wanted;
  if (number > latest || latest == 0)
    not_found("TaskInstance not found",
              latest == 0 ? "this task instance has not been tried yet"
                          : fmt::format("this task instance has had {} tries, not {}", latest, number));

  std::vector<std::string> lines;
  if (const auto id = backend.try_id(run, instance, static_cast<int>(number)); !id.empty())
    lines = backend.log(id);
  const bool ended = workflow::is_final(instance.state) || number < latest;
  if (lines.empty() && ended)
    lines.emplace_back("*** the log of this try is not kept any more, or nothing was written");

  std::string text;
  const size_t until = whole || !as_json ? lines.size() : std::min(lines.size(), from + chunk_lines);
  for (size_t i = as_json && !whole ? from : 0; i < until; ++i) text += lines[i] + "\n";
  if (!as_json) return {200, "text/plain; charset=utf-8", text, {}};
  const std::string host = instance.hostname.empty() ? "" : instance.hostname;
  const Json body = {{"content", "[(" + python_text(host) + ", " + python_text(text) + ")]"},
                     {"continuation_token", fmt::format("line-{}", until)}};
  return request.json(body);
}

}  // namespace

std::vector<Route> log_routes() {
  return {{"GET",
           "/api/v1/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/logs/{try}",
           {"full_content", "map_index", "token"},
           get}};
}

}  // namespace tamis::api
