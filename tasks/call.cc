#include "tasks/call.h"

#include "core/base/error.h"

namespace tamis::tasks {
namespace {

std::string text(const base::Json& kwargs, const char* key) {
  const auto found = kwargs.find(key);
  if (found == kwargs.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
    throw base::UserError("the message's kwargs need \"{}\", a text", key);
  return found->get<std::string>();
}

base::Node mapping(const base::Json& kwargs, const char* key) {
  const auto found = kwargs.find(key);
  if (found == kwargs.end() || !found->is_object())
    throw base::UserError("the message's kwargs need \"{}\", a task's mapping", key);
  return base::Node::from_json(*found);
}

}  // namespace

Call read_call(const base::Json& kwargs) {
  if (!kwargs.is_object()) throw base::UserError("the message's kwargs must be a mapping");
  Call call;
  call.dag_id = text(kwargs, "dag_id");
  call.run_id = text(kwargs, "run_id");
  call.task_id = text(kwargs, "task_id");
  call.task = mapping(kwargs, "task");
  if (const auto folder = kwargs.find("folder"); folder != kwargs.end() && folder->is_string())
    call.folder = folder->get<std::string>();
  if (call.folder.empty()) call.folder = ".";
  if (const auto watermark = kwargs.find("watermark"); watermark != kwargs.end() && !watermark->is_null()) {
    if (watermark->is_string())
      call.watermark = base::parse_rfc3339(watermark->get_ref<const std::string&>());
    if (!call.watermark)
      throw base::UserError("the message's \"watermark\" must be an RFC 3339 date-time, not {}",
                            watermark->dump());
  }
  if (const auto slice = kwargs.find("slice"); slice != kwargs.end()) call.slice = *slice;
  if (kwargs.contains("etl")) {
    call.etl = mapping(kwargs, "etl");
    call.etl_task_id = text(kwargs, "etl_task_id");
  }
  return call;
}

}  // namespace tamis::tasks
