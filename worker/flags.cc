#include "worker/flags.h"

#include <gflags/gflags.h>
#include <unistd.h>

#include <thread>

#include "core/base/error.h"

DEFINE_int32(concurrency, 2, "tasks that run at once");
DEFINE_string(queues, "celery", "queues to read, separated by commas");
DEFINE_string(name, "", "the worker's name, as Celery's nodename; empty: tamis@<host>-<pid>");
DEFINE_string(lease, "30s", "how long a message stays with a worker that is silent");
DEFINE_string(shutdown_timeout, "30s",
              "how long tasks may go on after SIGTERM before they are told to stop and given back");
DEFINE_string(stop_grace, "10s",
              "how long a task that was told to stop may go on before the process ends under it");
DEFINE_int32(max_losses, 5, "workers that may die with a message before it becomes a dead letter");
DEFINE_string(result_expires, "1d", "how long results are kept");
DEFINE_int32(max_result_bytes, 4 << 20, "the largest result that is stored");
DEFINE_bool(task_events, false, "send Celery's task events, as its -E does");
DEFINE_int32(batch_records, 4096,
             "records of a batch; with --batches_in_flight the bound of a task's memory");
DEFINE_int32(batches_in_flight, 8, "batches of one task that are under way at once");

namespace tamis::worker {
namespace {

base::Duration duration(const char* flag, const std::string& value, base::Duration least) {
  const auto parsed = base::parse_duration(value);
  if (!parsed) throw base::UserError("--{}: \"{}\" is no duration; write 90s, 5m or PT5M", flag, value);
  if (*parsed < least) throw base::UserError("--{} must be at least {}", flag, base::format_duration(least));
  return *parsed;
}

int number(const char* flag, int value, int least, int most) {
  if (value < least || value > most)
    throw base::UserError("--{} must be between {} and {}, not {}", flag, least, most, value);
  return value;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    auto part = text.substr(begin, end - begin);
    while (!part.empty() && part.front() == ' ') part.erase(0, 1);
    while (!part.empty() && part.back() == ' ') part.pop_back();
    if (!part.empty()) out.push_back(std::move(part));
    begin = end + 1;
  }
  return out;
}

std::string default_name() {
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  return fmt::format("tamis@{}-{}", host, getpid());
}

}  // namespace

Options options_from_flags() {
  using std::chrono::milliseconds;
  Options options;
  options.name = FLAGS_name.empty() ? default_name() : FLAGS_name;
  options.queues = split(FLAGS_queues);
  if (options.queues.empty()) throw base::UserError("--queues names no queue");
  options.concurrency = number("concurrency", FLAGS_concurrency, 1, 1000);
  options.lease = duration("lease", FLAGS_lease, milliseconds(500));
  options.shutdown_timeout = duration("shutdown_timeout", FLAGS_shutdown_timeout, milliseconds(0));
  options.stop_grace = duration("stop_grace", FLAGS_stop_grace, milliseconds(0));
  options.max_losses = number("max_losses", FLAGS_max_losses, 1, 1'000'000);
  options.result_expires = duration("result_expires", FLAGS_result_expires, std::chrono::seconds(1));
  options.max_result_bytes =
      static_cast<size_t>(number("max_result_bytes", FLAGS_max_result_bytes, 1024, 256 << 20));
  options.task_events = FLAGS_task_events;
  options.context.batch_records =
      static_cast<size_t>(number("batch_records", FLAGS_batch_records, 1, 1 << 20));
  options.context.batches_in_flight =
      static_cast<size_t>(number("batches_in_flight", FLAGS_batches_in_flight, 1, 1024));
  return options;
}

}  // namespace tamis::worker
