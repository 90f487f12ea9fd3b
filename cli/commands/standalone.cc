// `tamis standalone`: everything on this machine, in front or in the background.
#include <fcntl.h>
#include <gflags/gflags.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <thread>

#include "cli/commands/all.h"
#include "cli/output.h"
#include "cli/standalone/supervisor.h"
#include "core/base/connections.h"
#include "core/base/stop.h"
#include "core/http/client.h"

namespace tamis::cli {
namespace {

using base::Json;

/// Ends what a background standalone tells its starter when all is well.
constexpr char all_well = '\x04';

std::string data_dir() {
  const auto given = base::connections_from_flags().data_dir;
  // The current folder is the other programs' default; here it would be filled with Redis' files and logs.
  gflags::CommandLineFlagInfo info;
  return gflags::GetCommandLineFlagInfo("data_dir", &info) && info.current_value == info.default_value
             ? "tamis-data"
             : given;
}

StandaloneOptions read_options(const Invocation& invocation) {
  StandaloneOptions options;
  options.dags = invocation.text("dags", "dags");
  options.listen = invocation.text("listen");
  options.data = invocation.text("data", "sqlite:tamis.db,elasticsearch");
  options.queues = invocation.text("queues", "default,etl");
  options.workers = static_cast<int>(invocation.integer("workers", 2, 1, 64));
  options.concurrency = static_cast<int>(invocation.integer("concurrency", 2, 1, 1024));
  options.allow_no_auth = invocation.has("allow_no_auth");
  options.show_lines = !invocation.has("quiet") && !invocation.has("detach");
  options.colour = isatty(STDOUT_FILENO) == 1;
  return options;
}

int supervise(const StandaloneOptions& options, Place& place,
              const std::function<void(const std::string&)>& tell, const std::function<void()>& on_ready) {
  const auto stop = base::stop_on_signals();
  Supervisor supervisor(options, place, tell);
  tell(fmt::format("starting Tamis on {}", place.folder()));
  try {
    supervisor.start(stop);
  } catch (...) {
    supervisor.stop();
    throw;
  }
  tell(fmt::format("ready: the api answers on {}; logs are in {}", supervisor.api_url(), place.logs()));
  if (supervisor.api_url() != "http://127.0.0.1:8080")
    tell(fmt::format("  export TAMIS_SERVER={}", supervisor.api_url()));
  on_ready();
  supervisor.watch(stop);
  tell("stopping");
  supervisor.stop();
  tell("stopped");
  return ok;
}

/// In the child: no terminal any more, lines go to a log, the pipe tells the starter how it went.
[[noreturn]] void run_detached(const StandaloneOptions& options, const std::string& folder, int pipe_end) {
  setsid();
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  int code = failed;
  const auto to_starter = [&](const std::string& text) {
    [[maybe_unused]] const auto n = write(pipe_end, text.data(), text.size());
  };
  std::signal(SIGPIPE, SIG_IGN);
  try {
    Place place(folder);
    place.lock();
    Lines log(place.logs(), false, false);
    dup2(null, STDERR_FILENO);
    bool ready = false;
    code = supervise(
        options, place,
        [&](const std::string& line) {
          log.write("standalone", 0, base::format_rfc3339(base::now()) + " " + line);
          if (!ready) to_starter(line + "\n");
        },
        [&] {
          ready = true;
          to_starter(std::string(1, all_well));
          close(pipe_end);
        });
  } catch (const base::Conflict& error) {
    to_starter(std::string("tamis: ") + error.what() + "\n");
    code = conflict;
  } catch (const base::UserError& error) {
    to_starter(std::string("tamis: ") + error.what() + "\n");
    code = usage;
  } catch (const std::exception& error) {
    to_starter(std::string("tamis: ") + error.what() + "\n");
  }
  // The starter may still wait for the code.
  to_starter(std::string(1, static_cast<char>('0' + code)));
  _exit(code);
}

int detach(Invocation& invocation, const StandaloneOptions& options) {
  const auto folder = data_dir();
  Place place(folder);  // told here, while there is somebody to read it
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw base::Error("can't make a pipe: {}", std::strerror(errno));
  const pid_t pid = fork();
  if (pid < 0) throw base::Error("can't start a process: {}", std::strerror(errno));
  if (pid == 0) {
    close(ends[0]);
    run_detached(options, folder, ends[1]);
  }
  close(ends[1]);
  std::string told;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    told.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  if (told.ends_with(all_well)) {
    told.pop_back();
    invocation.out << told;
    return ok;
  }
  const int code = told.empty() ? static_cast<int>(failed) : told.back() - '0';
  if (!told.empty()) told.pop_back();
  invocation.err << told;
  return code;
}

int run(Invocation& invocation) {
  const auto options = read_options(invocation);
  if (invocation.has("detach")) return detach(invocation, options);
  Place place(data_dir());
  place.lock();
  return supervise(
      options, place, [&](const std::string& line) { invocation.out << line << std::endl; }, [] {});
}

Json state_of(const Place& place) {
  const auto state = place.state();
  if (!place.is_taken() || !state.is_object())
    throw base::NotFound("no standalone runs on \"{}\"", place.folder());
  return state;
}

int status(Invocation& invocation) {
  Place place(data_dir());
  const auto state = state_of(place);
  if (invocation.text("output") == "env") {
    invocation.out << "export TAMIS_SERVER=" << state.value("api", "") << "\nexport TAMIS_REDIS='"
                   << state.value("redis", "") << "'\n";
    return ok;
  }
  Json rows = Json::array();
  bool all_healthy = true;
  for (const auto& program : state["programs"]) {
    const auto address = program.value("status_address", "");
    std::string health = "running";
    if (!address.empty()) {
      http::Request request;
      request.url = "http://" + address + "/health";
      request.timeout = std::chrono::seconds(3);
      const int code = http::fetch(request).status;
      health = code == 200 ? "healthy" : code == 0 ? "no answer" : "unhealthy";
      all_healthy = all_healthy && code == 200;
    }
    rows.push_back({{"program", program["name"]},
                    {"pid", program["pid"]},
                    {"health", health},
                    {"restarts", program["restarts"]},
                    {"address", address.empty() ? state.value("redis", "") : "http://" + address}});
  }
  if (invocation.text("output") == "json") {
    invocation.out << rows.dump(2) << "\n";
  } else {
    invocation.out << format_table(rows, {"program", "pid", "health", "restarts", "address"});
  }
  return all_healthy ? ok : failed;
}

int stop(Invocation& invocation) {
  Place place(data_dir());
  const auto state = state_of(place);
  const auto pid = state.value("pid", 0);
  if (pid <= 0 || kill(pid, SIGTERM) != 0)
    throw base::Error("can't stop process {}: {}", pid, std::strerror(errno));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (place.is_taken()) {
    if (std::chrono::steady_clock::now() > deadline)
      throw base::Error("process {} has not stopped within 120 s", pid);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  invocation.out << "stopped\n";
  return ok;
}

}  // namespace

Command standalone_run() {
  return {
      .noun = "standalone",
      .verb = "",
      .summary = "everything on this machine: Redis, scheduler, workers, api",
      .positionals = {},
      .options = {{"dags", 0, "FOLDER", "the folder of DAG files (default dags)", {}},
                  {"workers", 0, "N", "how many workers (default 2)", {}},
                  {"concurrency", 0, "N", "task instances at once, of each worker (default 2)", {}},
                  {"queues", 0, "A,B", "that the workers read (default default,etl)", {}},
                  {"listen",
                   0,
                   "ADDRESS",
                   "of the api (default 127.0.0.1:8080, or a free port when it is taken)",
                   {}},
                  {"data", 0, "STORES", "what /data reads (default sqlite:tamis.db,elasticsearch)", {}},
                  {"allow_no_auth", 0, "", "let --listen be reached from other machines without a login", {}},
                  {"detach", 0, "", "go to the background when all of it answers", {}},
                  {"quiet", 'q', "", "don't show the programs' lines; logs have them", {}}},
      .examples = {"tamis standalone --dags=dags",
                   "tamis standalone --data_dir=/var/lib/tamis --workers=4 --detach",
                   "eval \"$(tamis standalone status -o env)\"", "tamis standalone stop"},
      .notes =
          "All state is in --data_dir (default tamis-data): Redis' files, logs, SQLite databases.  Started "
          "again on it, everything\n"
          "goes on where it ended.  A program that dies is started again.",
      .prints_rows = false,
      .run = run};
}

Command standalone_status() {
  return {
      .noun = "standalone",
      .verb = "status",
      .summary = "what runs on a --data_dir",
      .positionals = {},
      .options =
          {{"output", 'o', "FORMAT", "table, json, or env: variables for a shell", {"table", "json", "env"}}},
      .examples = {"tamis standalone status", "eval \"$(tamis standalone status -o env)\""},
      .notes = "",
      .prints_rows = false,
      .run = status};
}

Command standalone_stop() {
  return {.noun = "standalone",
          .verb = "stop",
          .summary = "stop what runs on a --data_dir",
          .positionals = {},
          .options = {},
          .examples = {"tamis standalone stop --data_dir=/var/lib/tamis"},
          .notes = "",
          .prints_rows = false,
          .run = stop};
}

}  // namespace tamis::cli
