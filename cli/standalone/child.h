// A program that standalone runs: started, watched, its lines written to a log and, with a coloured name
// before them, shown.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tamis::cli {

/// Where the lines of all children go.  Thread-safe.
class Lines {
 public:
  /// `colour`: of a terminal.  `show`: also on standard output.
  Lines(std::string folder, bool show, bool colour)
      : folder_(std::move(folder)), show_(show), colour_(colour) {}
  void write(const std::string& name, size_t number, const std::string& line);
  /// The last lines that `name` wrote.
  std::string tail(const std::string& name) const;

 private:
  std::string folder_;
  bool show_, colour_;
  std::mutex mutex_;
};

struct ChildSpec {
  std::string name;     ///< `worker-1`
  std::string program;  ///< path or a word for PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  ///< beside ours; an empty value unsets
  std::string status_address;                                    ///< host:port of /health; empty: none
  size_t number = 0;                                             ///< chooses the colour
  std::chrono::seconds patience{30};  ///< how long it may take to end after SIGTERM
};

class Child {
 public:
  Child(ChildSpec spec, Lines& lines) : spec_(std::move(spec)), lines_(lines) {}
  ~Child();
  /// Must be called by the main thread: the child gets SIGTERM when the thread that started it ends.  Throws
  /// Error.
  void start();
  /// True once when it has ended, with what waitpid says.
  bool has_ended(int& status);
  /// SIGTERM, and SIGKILL after its patience; returns when it has ended.
  void stop();
  bool is_running() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  const ChildSpec& spec() const { return spec_; }
  int restarts = 0;
  std::chrono::steady_clock::time_point started_at, restart_at;

 private:
  void forget();
  ChildSpec spec_;
  Lines& lines_;
  pid_t pid_ = -1;
  std::thread reader_;
};

/// `ended with exit code 2`, `was killed by signal 9`.
std::string describe_end(int status);

}  // namespace tamis::cli
