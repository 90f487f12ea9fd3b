#include "cli/standalone/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "core/base/error.h"

extern char** environ;

namespace tamis::cli {
namespace {

constexpr uintmax_t max_log_bytes = 64 << 20;
constexpr const char* colours[] = {"\033[36m", "\033[33m", "\033[32m", "\033[35m", "\033[34m", "\033[31m"};

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool changed = false;
    for (const auto& [name, value] : changes)
      changed = changed || (text.starts_with(name) && text.substr(name.size()).starts_with('='));
    if (!changed) all.emplace_back(text);
  }
  for (const auto& [name, value] : changes)
    if (!value.empty()) all.push_back(name + "=" + value);
  return all;
}

}  // namespace

void Lines::write(const std::string& name, size_t number, const std::string& line) {
  std::lock_guard lock(mutex_);
  const auto path = std::filesystem::path(folder_) / (name + ".log");
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) > max_log_bytes && !ignored)
    std::filesystem::rename(path, path.string() + ".1", ignored);
  std::ofstream(path, std::ios::app) << line << "\n";
  if (!show_) return;
  const std::string padded = name + std::string(name.size() < 10 ? 10 - name.size() : 0, ' ');
  if (colour_) {
    std::cout << colours[number % std::size(colours)] << padded << "\033[0m " << line << "\n" << std::flush;
  } else {
    std::cout << padded << " " << line << "\n" << std::flush;
  }
}

std::string Lines::tail(const std::string& name) const {
  std::ifstream in(std::filesystem::path(folder_) / (name + ".log"));
  std::vector<std::string> last;
  for (std::string line; std::getline(in, line);) {
    last.push_back(line);
    if (last.size() > 8) last.erase(last.begin());
  }
  std::string text;
  for (const auto& line : last) text += "  " + line + "\n";
  return text;
}

Child::~Child() {
  if (pid_ > 0) stop();
  if (reader_.joinable()) reader_.join();
}

void Child::start() {
  if (reader_.joinable()) reader_.join();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw base::Error("can't make a pipe: {}", std::strerror(errno));
  // All memory is allocated before the fork: afterwards only calls that are safe there are made.
  std::vector<std::string> words{spec_.program};
  words.insert(words.end(), spec_.arguments.begin(), spec_.arguments.end());
  auto argv = pointers_to(words);
  auto environment = environment_with(spec_.environment);
  auto envp = pointers_to(environment);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) throw base::Error("can't start {}: {}", spec_.program, std::strerror(errno));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    // A group of its own: Ctrl-C on the terminal reaches only us, who stop the children in order.
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    execvpe(argv[0], argv.data(), envp.data());
    static const char message[] = "can't be started: not found or not executable\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, message, sizeof message - 1);
    _exit(127);
  }
  close(ends[1]);
  pid_ = pid;
  started_at = std::chrono::steady_clock::now();
  reader_ = std::thread([this, fd = ends[0]] {
    std::string pending;
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) {
      pending.append(buffer, static_cast<size_t>(n));
      for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1))
        lines_.write(spec_.name, spec_.number, pending.substr(0, end));
      if (pending.size() > (64 << 10)) {
        lines_.write(spec_.name, spec_.number, pending);
        pending.clear();
      }
    }
    if (!pending.empty()) lines_.write(spec_.name, spec_.number, pending);
    close(fd);
  });
}

void Child::forget() {
  pid_ = -1;
}

bool Child::has_ended(int& status) {
  if (pid_ <= 0 || waitpid(pid_, &status, WNOHANG) != pid_) return false;
  forget();
  return true;
}

void Child::stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + spec_.patience;
  int status = 0;
  while (!has_ended(status)) {
    if (std::chrono::steady_clock::now() > deadline) {
      kill(pid_, SIGKILL);
      waitpid(pid_, &status, 0);
      forget();
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

}  // namespace tamis::cli
