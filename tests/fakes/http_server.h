// An HTTP server that does what a test tells it: any status, late answers, half answers, none at all.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/time.h"

namespace tamis::fakes {

struct HttpRequest {
  std::string method, target, body;
  std::map<std::string, std::string> headers;  ///< names in lower case
};

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::vector<std::string> headers{"Content-Type: application/json"};
  base::Duration delay{};          ///< before the answer
  size_t cut = std::string::npos;  ///< close the connection after so many bytes of the body
  bool drop = false;               ///< close it without an answer
};

class HttpServer {
 public:
  using Answerer = std::function<HttpAnswer(const HttpRequest&)>;

  /// `answer` is called by one thread at a time.
  explicit HttpServer(Answerer answer)
      : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener_, 64);
    socklen_t length = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~HttpServer() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stopped_.notify_all();
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int connections() const { return connections_; }
  std::vector<HttpRequest> seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  bool readable(int fd) {
    for (;;) {
      pollfd one{fd, POLLIN, 0};
      const int ready = poll(&one, 1, 20);
      if (ready > 0) return true;
      std::lock_guard lock(mutex_);
      if (stopping_) return false;
    }
  }

  void accept_all() {
    while (readable(listener_)) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) continue;
      ++connections_;
      threads_.emplace_back([this, fd] {
        std::string buffer;
        while (serve(fd, buffer)) {
        }
        close(fd);
      });
    }
  }

  bool fill(int fd, std::string& buffer) {
    if (!readable(fd)) return false;
    char bytes[65536];
    const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer.append(bytes, static_cast<size_t>(n));
    return true;
  }

  bool serve(int fd, std::string& buffer) {
    size_t end;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos)
      if (!fill(fd, buffer)) return false;
    HttpRequest request;
    size_t at = buffer.find("\r\n");
    const std::string first = buffer.substr(0, at);
    request.method = first.substr(0, first.find(' '));
    request.target = first.substr(request.method.size() + 1, first.rfind(' ') - request.method.size() - 1);
    while (at < end) {
      const size_t next = buffer.find("\r\n", at + 2);
      const std::string line = buffer.substr(at + 2, next - at - 2);
      std::string name = line.substr(0, line.find(':'));
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      request.headers[name] = line.substr(std::min(line.size(), line.find(':') + 2));
      at = next;
    }
    buffer.erase(0, end + 4);
    const size_t length =
        request.headers.contains("content-length") ? std::stoul(request.headers["content-length"]) : 0;
    while (buffer.size() < length)
      if (!fill(fd, buffer)) return false;
    request.body = buffer.substr(0, length);
    buffer.erase(0, length);

    HttpAnswer answer;
    {
      std::unique_lock lock(mutex_);
      if (stopping_) return false;
      seen_.push_back(request);
      answer = answer_(request);
      if (answer.delay.count() > 0 && stopped_.wait_for(lock, answer.delay, [this] { return stopping_; }))
        return false;
    }
    if (answer.drop) return false;
    std::string out = "HTTP/1.1 " + std::to_string(answer.status) +
                      " Told\r\nContent-Length: " + std::to_string(answer.body.size());
    for (const auto& header : answer.headers) out += "\r\n" + header;
    out += "\r\n\r\n";
    if (request.method != "HEAD") out += answer.body.substr(0, answer.cut);
    for (size_t sent = 0; sent < out.size();) {
      const ssize_t n = send(fd, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<size_t>(n);
    }
    return answer.cut >= answer.body.size();
  }

  const Answerer answer_;
  const int listener_;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;             // under `mutex_`
  std::vector<HttpRequest> seen_;     // under `mutex_`
  std::vector<std::thread> threads_;  // the acceptor's, then the destructor's
  std::thread acceptor_;
};

}  // namespace tamis::fakes
