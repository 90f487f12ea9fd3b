// A real redis-server for one test: its own folder, unix socket and free port, gone when the object goes.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/redis/client.h"

namespace tamis::testing {

/// A port that nobody listens on now.
inline int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  close(fd);
  return ntohs(address.sin_port);
}

class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> options = {})
      : options_(std::move(options)), port_(free_port()) {
    char name[] = "/tmp/tamis-redis-XXXXXX";
    if (mkdtemp(name) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
    // Somebody else may take the free port before redis-server does: then another one is tried.
    for (int attempt = 1; pid_ == 0; ++attempt) {
      try {
        start();
      } catch (const std::runtime_error&) {
        pid_ = 0;
        if (attempt == 5) throw;
        port_ = free_port();
      }
    }
  }
  ~RedisServer() {
    stop(SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::string url(int database = 0) const {
    return "redis://127.0.0.1:" + std::to_string(port_) + "/" + std::to_string(database);
  }
  std::string unix_url(int database = 0) const {
    return "unix://" + folder_ + "/socket?db=" + std::to_string(database);
  }
  int port() const { return port_; }
  std::shared_ptr<redis::Client> client(const std::string& prefix = "") const {
    return std::make_shared<redis::Client>(base::RedisConnection{unix_url(), prefix});
  }

  void start() {
    std::vector<std::string> words = {"redis-server",
                                      "--port",
                                      std::to_string(port_),
                                      "--bind",
                                      "127.0.0.1",
                                      "--dir",
                                      folder_,
                                      "--unixsocket",
                                      folder_ + "/socket",
                                      "--save",
                                      "",
                                      "--appendonly",
                                      "no"};
    words.insert(words.end(), options_.begin(), options_.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      const int log = open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(log, 1);
      dup2(log, 2);
      execvp(argv[0], argv.data());
      _exit(127);
    }
    for (int i = 0; i < 500; ++i) {
      if (waitpid(pid_, nullptr, WNOHANG) == pid_)
        throw std::runtime_error("redis-server doesn't start: is it installed?");
      if (std::filesystem::exists(folder_ + "/socket") && listens()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("redis-server doesn't listen");
  }
  void stop(int signal = SIGTERM) {
    if (pid_ <= 0) return;
    kill(pid_, signal);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  /// SIGSTOP and SIGCONT: there, but silent.
  void pause() const { kill(pid_, SIGSTOP); }
  void resume() const { kill(pid_, SIGCONT); }

 private:
  bool listens() const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port_));
    const bool ok = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return ok;
  }

  std::vector<std::string> options_;
  std::string folder_;
  int port_;
  pid_t pid_ = 0;
};

}  // namespace tamis::testing
