#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/base/error.h"
#include "tasks/kinds.h"
#include "tasks/pipeline/json_text.h"

extern char** environ;

namespace tamis::tasks {
namespace {

constexpr size_t line_max = 4096;
constexpr int lines_max = 2000;
constexpr auto grace = std::chrono::seconds(10);

/// A command under way, the leader of its own process group.  Ends the whole group when it goes.
class Child {
 public:
  Child(const std::string& command, const std::vector<std::string>& environment) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
      throw base::TransientError("can't make a pipe: {}", std::strerror(errno));
    output_ = ends[0];
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, ends[1], 1);
    posix_spawn_file_actions_adddup2(&files, ends[1], 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // Our threads block signals that the command must be able to get.
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> variables;
    for (const auto& variable : environment) variables.push_back(const_cast<char*>(variable.c_str()));
    variables.push_back(nullptr);
    const std::array<const char*, 4> words = {"/bin/sh", "-c", command.c_str(), nullptr};
    const int error = posix_spawn(&pid_, words[0], &files, &attributes,
                                  const_cast<char* const*>(words.data()), variables.data());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    if (error != 0) {
      close(output_);
      throw base::TransientError("can't start /bin/sh: {}", std::strerror(error));
    }
  }
  ~Child() {
    if (!is_reaped_) {
      signal(SIGKILL);
      int status = 0;
      while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
      }
    }
    close(output_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void signal(int number) const { ::kill(-pid_, number); }
  /// Reads what there is within `wait`; empty: nothing yet.  `ended` becomes true when nobody can write any
  /// more.
  std::string read(std::chrono::milliseconds wait, bool& ended) const {
    pollfd one{output_, POLLIN, 0};
    if (poll(&one, 1, static_cast<int>(wait.count())) <= 0) return "";
    std::array<char, 16384> buffer;
    const ssize_t size = ::read(output_, buffer.data(), buffer.size());
    if (size < 0) return "";
    if (size == 0) ended = true;
    return std::string(buffer.data(), static_cast<size_t>(size));
  }
  /// Whether the command itself ended; then `status` is waitpid's.
  bool has_ended(int& status) {
    if (is_reaped_) {
      status = status_;
      return true;
    }
    if (waitpid(pid_, &status_, WNOHANG) != pid_) return false;
    is_reaped_ = true;
    status = status_;
    return true;
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
  int status_ = 0;
  bool is_reaped_ = false;
};

/// Output into the task's log: whole lines, each and all of them bounded.
class Lines {
 public:
  explicit Lines(const Context& context) : context_(context) {}
  void add(const std::string& bytes) {
    for (const char c : bytes)
      if (c == '\n')
        end_line();
      else if (line_.size() < line_max)
        line_ += c;
  }
  void finish() {
    if (!line_.empty()) end_line();
    if (left_out_ > 0 && context_.log) context_.log(fmt::format("… {} more lines were left out", left_out_));
  }
  const std::string& last() const { return last_; }

 private:
  void end_line() {
    const std::string line = pipeline::as_utf8(line_);
    if (lines_ < lines_max) {
      ++lines_;
      if (context_.log) context_.log(line);
    } else {
      ++left_out_;
    }
    if (!line.empty()) last_ = line;
    line_.clear();
  }

  const Context& context_;
  std::string line_, last_;
  int lines_ = 0;
  int64_t left_out_ = 0;
};

std::vector<std::string> environment_of(const base::Json& kwargs) {
  std::vector<std::string> all;
  const auto own = kwargs.find("env");
  if (own != kwargs.end() && !own->is_null() && !own->is_object())
    throw base::UserError("\"env\" must be a mapping of names to texts");
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    // Passwords of the worker are not the command's business.
    if (text.starts_with("TAMIS_")) continue;
    if (own != kwargs.end() && own->is_object() && own->contains(std::string(text.substr(0, text.find('=')))))
      continue;
    all.emplace_back(text);
  }
  if (own != kwargs.end() && own->is_object())
    for (const auto& [name, value] : own->items())
      all.push_back(name + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
  return all;
}

base::Json run(const base::Json&, const base::Json& kwargs, const Context& context) {
  const auto command = kwargs.find("command");
  if (command == kwargs.end() || !command->is_string() || command->get_ref<const std::string&>().empty())
    throw base::UserError("a shell task needs \"command\", a text");
  const auto environment = environment_of(kwargs);
  Child child(command->get<std::string>(), environment);
  Lines lines(context);
  bool ended = false, is_stopping = false;
  int status = 0;
  auto kill_at = std::chrono::steady_clock::time_point::max();
  while (true) {
    if (context.stop.stop_requested() && !is_stopping) {
      is_stopping = true;
      child.signal(SIGTERM);
      kill_at = std::chrono::steady_clock::now() + grace;
    }
    if (std::chrono::steady_clock::now() > kill_at) child.signal(SIGKILL);
    if (!ended) {
      lines.add(child.read(std::chrono::milliseconds(100), ended));
      // A process left in the background keeps the pipe open; the command's own end is what counts.
      if (!ended && !child.has_ended(status)) continue;
      if (!ended) {
        for (std::string rest; !(rest = child.read(std::chrono::milliseconds(0), ended)).empty();)
          lines.add(rest);
        ended = true;
      }
    }
    if (child.has_ended(status)) break;
    poll(nullptr, 0, 20);
  }
  child.signal(SIGKILL);
  lines.finish();
  if (is_stopping) throw base::TransientError("stopped; the command was ended");
  if (WIFSIGNALED(status))
    throw base::TransientError("the command was killed by signal {}", WTERMSIG(status));
  const int code = WEXITSTATUS(status);
  if (code != 0)
    throw base::TransientError("the command ended with exit code {}{}", code,
                               lines.last().empty() ? "" : ": " + lines.last());
  // As Airflow's: the last line is what later tasks may read.
  return {{"exit_code", code}, {"last_line", lines.last()}};
}

}  // namespace

TaskKind shell_task() {
  return {"tamis.shell", "runs a command with /bin/sh; its output is the task's log", run};
}

}  // namespace tamis::tasks
