#include "cli/sibling.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "core/base/error.h"

namespace tamis::cli {
namespace {

std::vector<char*> as_argv(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::string sibling_path(const std::string& program) {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return program;
  const auto path = own.parent_path() / program;
  return std::filesystem::exists(path, error) ? path.string() : program;
}

void become(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const auto path = sibling_path(program);
  execvp(path.c_str(), as_argv(words).data());
  throw base::UserError("can't start {}: {}; it should lie beside tamis or on PATH", program,
                        std::strerror(errno));
}

std::string output_of(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const auto path = sibling_path(program);
  auto argv = as_argv(words);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw base::Error("can't make a pipe: {}", std::strerror(errno));
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execvp(path.c_str(), argv.data());
    _exit(127);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; pid > 0 && (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
    throw base::Error("{} failed{}", path,
                      WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ": it can't be started" : "");
  return text;
}

}  // namespace tamis::cli
