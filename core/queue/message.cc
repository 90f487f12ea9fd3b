#include "core/queue/message.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "core/base/compression.h"
#include "core/base/error.h"
#include "core/base/id.h"
#include "core/queue/base64.h"
#include "core/queue/python_json.h"

namespace tamis::queue {
namespace {

using base::Json;
using base::UserError;

/// A body this large is somebody's mistake; it must not fill a worker's memory.
constexpr size_t max_body_bytes = 256 << 20;

const Json null;

const Json& member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

std::string text_or_empty(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

std::optional<double> number(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

/// Numbers that some clients send as text.
int integer(const Json& value, int otherwise) {
  if (value.is_number()) return static_cast<int>(std::clamp(value.get<double>(), -1e9, 1e9));
  if (!value.is_string()) return otherwise;
  const auto& text = value.get_ref<const std::string&>();
  int result = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

std::optional<base::Instant> instant(const Json& value, const char* name) {
  if (value.is_null()) return std::nullopt;
  if (value.is_string())
    if (const auto parsed = base::parse_instant(value.get_ref<const std::string&>())) return parsed;
  throw UserError(
      "the message's {} is {}: it must be an ISO 8601 date-time such as 2026-11-22T03:00:00+00:00", name,
      value.dump());
}

Json written(const std::optional<base::Instant>& instant) {
  return instant ? Json(base::format_isoformat(*instant)) : Json();
}

Json written_limit(const std::optional<double>& seconds) {
  if (!seconds) return Json();
  const auto whole = static_cast<int64_t>(*seconds);
  return static_cast<double>(whole) == *seconds ? Json(whole) : Json(*seconds);
}

std::string default_origin() {
  static const std::string origin = [] {
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    return "gen" + std::to_string(getpid()) + "@" + host;
  }();
  return origin;
}

/// Sets a member unless it says the same already in other words; a null is not added to a message that came
/// without it.
void update(Json& object, const char* name, Json value, bool add_null) {
  const auto found = object.find(name);
  if (found == object.end()) {
    if (!value.is_null() || add_null) object[name] = std::move(value);
  } else if (*found != value) {
    *found = std::move(value);
  }
}

void update_instant(Json& object, const char* name, const std::optional<base::Instant>& value,
                    bool add_null) {
  const auto& there = member(object, name);
  if (value && there.is_string() && base::parse_instant(there.get_ref<const std::string&>()) == value) return;
  update(object, name, written(value), add_null);
}

std::string decoded_body(const Json& envelope, const Json& headers, const Json& properties) {
  const auto& body = member(envelope, "body");
  if (!body.is_string()) throw UserError("the message has no body");
  const auto& type = member(envelope, "content-type");
  if (!type.is_null() && type != "application/json")
    throw UserError("the message's content-type is {}: only application/json is read", type.dump());
  const auto& charset = member(envelope, "content-encoding");
  if (!charset.is_null() && charset != "utf-8" && charset != "us-ascii" && charset != "binary")
    throw UserError("the message's content-encoding is {}: only utf-8 is read", charset.dump());
  std::string bytes;
  const auto& encoding = member(properties, "body_encoding");
  if (encoding.is_null()) {
    bytes = body.get<std::string>();
  } else if (encoding == "base64") {
    auto decoded = base64_decode(body.get_ref<const std::string&>());
    if (!decoded) throw UserError("the message's body is no base64");
    bytes = std::move(*decoded);
  } else {
    throw UserError("the message's body_encoding is {}: only base64 is read", encoding.dump());
  }
  const auto& compression = member(headers, "compression");
  if (compression.is_null()) return bytes;
  if (compression == "application/x-gzip") return base::zlib_decompress(bytes, max_body_bytes);
  if (compression == "application/zstd") return base::zstd_decompress(bytes, max_body_bytes);
  throw UserError("the message's compression is {}: only application/x-gzip and application/zstd are read",
                  compression.dump());
}

void check_arguments(const TaskMessage& message) {
  if (!message.args.is_array())
    throw UserError("the message's args are {}: they must be a list", message.args.type_name());
  if (!message.kwargs.is_object())
    throw UserError("the message's kwargs are {}: they must be an object", message.kwargs.type_name());
}

void read_limits(const Json& limits, TaskMessage& message) {
  if (!limits.is_array() || limits.size() != 2) return;
  message.time_limit = number(limits[0]);
  message.soft_time_limit = number(limits[1]);
}

/// What both protocols have under the same names, though in different places.
void read_fields(const Json& from, TaskMessage& message) {
  message.task = text_or_empty(member(from, "task"));
  message.id = text_or_empty(member(from, "id"));
  if (message.task.empty()) throw UserError("the message names no task");
  if (message.id.empty()) throw UserError("the message has no id");
  message.group = text_or_empty(member(from, "group"));
  message.retries = integer(member(from, "retries"), 0);
  message.eta = instant(member(from, "eta"), "eta");
  message.expires = instant(member(from, "expires"), "expires");
  read_limits(member(from, "timelimit"), message);
}

void read_protocol_1(const Json& body, TaskMessage& message) {
  read_fields(body, message);
  if (const auto& args = member(body, "args"); !args.is_null()) message.args = args;
  if (const auto& kwargs = member(body, "kwargs"); !kwargs.is_null()) message.kwargs = kwargs;
  if (message.group.empty()) message.group = text_or_empty(member(body, "taskset"));
  message.embed = {{"callbacks", member(body, "callbacks")},
                   {"errbacks", member(body, "errbacks")},
                   {"chain", nullptr},
                   {"chord", member(body, "chord")}};
  if (const auto& index = member(body, "group_index"); !index.is_null())
    message.headers["group_index"] = index;
  message.root_id = message.id;
}

void read_protocol_2(const Json& headers, const Json& body, TaskMessage& message) {
  message.headers = headers;
  read_fields(headers, message);
  message.root_id = text_or_empty(member(headers, "root_id"));
  message.parent_id = text_or_empty(member(headers, "parent_id"));
  message.origin = text_or_empty(member(headers, "origin"));
  if (const auto& ignore = member(headers, "ignore_result"); ignore.is_boolean())
    message.ignore_result = ignore.get<bool>();
  if (!body.is_array() || body.size() != 3)
    throw UserError("the message's body must be a list of args, kwargs and embed");
  message.args = body[0];
  message.kwargs = body[1];
  message.embed = body[2];
}

}  // namespace

std::string list_name(std::string_view queue, int priority) {
  int step = 0;
  for (const int candidate : priority_steps)
    if (candidate <= priority) step = candidate;
  std::string name(queue);
  if (step > 0) name += std::string(separator) + std::to_string(step);
  return name;
}

std::string_view queue_of(std::string_view list) {
  return list.substr(0, list.rfind(separator));
}

bool TaskMessage::is_redelivered() const {
  return member(headers, "redelivered") == true;
}

std::string TaskMessage::encode() const {
  const bool decoded = headers.contains("task") && headers.contains("id");
  Json h;
  if (decoded) {
    h = headers;
  } else {
    h["lang"] = "cpp";
    for (const char* name : {"task", "id", "shadow", "eta", "expires", "group", "group_index", "retries",
                             "timelimit", "root_id", "parent_id"})
      h[name] = nullptr;
    h["argsrepr"] = python_repr_arguments(args);
    h["kwargsrepr"] = python_repr(kwargs);
    h["origin"] = origin.empty() ? default_origin() : origin;
    h["ignore_result"] = nullptr;
    h["replaced_task_nesting"] = 0;
    h["stamped_headers"] = nullptr;
    h["stamps"] = Json::object();
    for (const auto& [name, value] : headers.items()) h[name] = value;
  }
  const bool add = !decoded;
  update(h, "task", task, add);
  update(h, "id", id, add);
  update_instant(h, "eta", eta, add);
  update_instant(h, "expires", expires, add);
  update(h, "group", text_or_null(group), add);
  if (integer(member(h, "retries"), -1) != retries) update(h, "retries", retries, add);
  Json limits = Json::array({written_limit(time_limit), written_limit(soft_time_limit)});
  if (add || time_limit || soft_time_limit) update(h, "timelimit", std::move(limits), add);
  update(h, "root_id", text_or_null(root_id.empty() && add ? id : root_id), add);
  update(h, "parent_id", text_or_null(parent_id), add);
  if (!origin.empty()) update(h, "origin", origin, add);
  update(h, "ignore_result", ignore_result ? Json(*ignore_result) : Json(), add);

  Json p = properties;
  if (!p.contains("delivery_tag")) {
    const Json further = std::move(p);
    p = {{"correlation_id", id},
         {"reply_to", reply_to},
         {"delivery_mode", 2},
         {"delivery_info", {{"exchange", ""}, {"routing_key", queue}}},
         {"priority", priority},
         {"body_encoding", "base64"},
         {"delivery_tag", base::random_uuid()}};
    for (const auto& [name, value] : further.items()) p[name] = value;
  } else {
    p["body_encoding"] = "base64";
    if (integer(member(p, "priority"), 0) != priority) p["priority"] = priority;
    if (text_or_empty(member(member(p, "delivery_info"), "routing_key")) != queue)
      p["delivery_info"] = {{"exchange", ""}, {"routing_key", queue}};
  }
  static const Json nothing = {
      {"callbacks", nullptr}, {"errbacks", nullptr}, {"chain", nullptr}, {"chord", nullptr}};
  auto body = python_dumps(Json::array({args, kwargs, embed.is_null() ? nothing : embed}));
  if (member(h, "compression") == "application/x-gzip")
    body = base::zlib_compress(body);
  else
    h.erase("compression");
  const Json envelope = {{"body", base64_encode(body)},
                         {"content-encoding", "utf-8"},
                         {"content-type", "application/json"},
                         {"headers", std::move(h)},
                         {"properties", std::move(p)}};
  return python_dumps(envelope);
}

TaskMessage TaskMessage::decode(std::string_view envelope) {
  const auto json = python_loads(envelope, "the message");
  if (!json.is_object()) throw UserError("the message is {}: it must be an object", json.type_name());
  static const Json empty = Json::object();
  const auto object = [&](const char* name) -> const Json& {
    const auto& value = member(json, name);
    return value.is_object() ? value : empty;
  };
  const auto& headers = object("headers");
  const auto& properties = object("properties");
  TaskMessage message;
  message.properties = properties;
  message.priority = integer(member(properties, "priority"), 0);
  message.reply_to = text_or_empty(member(properties, "reply_to"));
  if (const auto& info = member(properties, "delivery_info"); info.is_object())
    if (const auto& key = member(info, "routing_key"); key.is_string())
      message.queue = key.get<std::string>();
  const auto body = python_loads(decoded_body(json, headers, properties), "the message's body");
  if (headers.contains("task"))
    read_protocol_2(headers, body, message);
  else if (body.is_object())
    read_protocol_1(body, message);
  else
    throw UserError("the message names no task");
  check_arguments(message);
  return message;
}

std::string TaskMessage::id_of(std::string_view envelope) {
  try {
    const auto json = python_loads(envelope, "the message");
    if (!json.is_object()) return {};
    const auto& headers = member(json, "headers");
    return headers.is_object() ? text_or_empty(member(headers, "id")) : std::string();
  } catch (const UserError&) {
    return {};
  }
}

}  // namespace tamis::queue
