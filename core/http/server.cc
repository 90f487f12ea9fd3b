#include "core/http/server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <thread>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/http/address.h"

namespace tamis::http {
namespace {

/// Longer targets are refused: the library matches paths with std::regex, whose recursion eats the stack.
constexpr size_t max_target = 2048;
constexpr int backlog = 512;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  size_t at = 0;
  while (at < path.size()) {
    const size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at) segments.push_back(url_decode(path.substr(at, slash - at)));
    at = slash + 1;
  }
  return segments;
}

std::vector<std::pair<std::string, std::string>> split_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> query;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('&', at), text.size());
    const auto part = text.substr(at, end - at);
    const size_t equals = std::min(part.find('='), part.size());
    if (!part.empty())
      query.emplace_back(url_decode(part.substr(0, equals), true),
                         equals < part.size() ? url_decode(part.substr(equals + 1), true) : "");
    at = end + 1;
  }
  return query;
}

Call make_call(const httplib::Request& request) {
  Call call;
  call.method = request.method;
  const std::string_view target = request.target;
  const size_t question = std::min(target.find('?'), target.size());
  call.path = target.substr(0, question);
  call.segments = split_path(call.path);
  if (question < target.size()) call.query = split_query(target.substr(question + 1));
  for (const auto& [name, value] : request.headers) {
    std::string lower = name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    call.headers.emplace(std::move(lower), value);
  }
  call.body = request.body;
  call.peer = request.remote_addr;
  return call;
}

void put(const Answer& answer, httplib::Response& response) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) response.set_header(name.c_str(), value);
  if (answer.status != 204) response.set_content(answer.body, answer.content_type.c_str());
}

}  // namespace

std::string url_decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_blank ? ' ' : text[i];
    }
  }
  return out;
}

std::string Call::header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? "" : it->second;
}

struct Server::State {
  httplib::Server server;
  Options options;
  Handle handle;
  Address address;
  int listener = -1;
  std::thread thread;

  void answer(const httplib::Request& request, httplib::Response& response) {
    try {
      put(handle(make_call(request)), response);
    } catch (const std::exception& error) {
      base::log_error("request failed",
                      {{"method", request.method}, {"path", request.path}, {"error", error.what()}});
      put(options.on_bad_request ? options.on_bad_request(500)
                                 : Answer{500, "text/plain", "internal error\n", {}},
          response);
    }
  }

  void configure() {
    server.new_task_queue = [n = options.threads] { return new httplib::ThreadPool(n); };
    // Not the library's defaults: SO_REUSEPORT would let a second program share the port unnoticed.
    server.set_socket_options([this](int fd) {
      const int yes = 1;
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
      listener = fd;
    });
    server.set_tcp_nodelay(true);
    server.set_payload_max_length(options.max_body);
    server.set_read_timeout(options.read_timeout);
    server.set_write_timeout(std::chrono::seconds(10));
    server.set_keep_alive_max_count(options.requests_per_connection);
    server.set_keep_alive_timeout(1);
    server.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      if (request.target.size() > max_target) {
        response.status = 414;
        put(options.on_bad_request ? options.on_bad_request(414)
                                   : Answer{414, "text/plain", "the address is too long\n", {}},
            response);
        return httplib::Server::HandlerResponse::Handled;
      }
      const bool has_body = request.method == "POST" || request.method == "PUT" ||
                            request.method == "PATCH" || request.method == "DELETE";
      if (has_body) return httplib::Server::HandlerResponse::Unhandled;  // the library reads it first
      answer(request, response);
      return httplib::Server::HandlerResponse::Handled;
    });
    const auto whole = [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
    };
    server.Post(".*", whole);
    server.Put(".*", whole);
    server.Patch(".*", whole);
    server.Delete(".*", whole);
    server.set_error_handler([this](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty() || response.status < 400) return;
      const int status = response.status;
      put(options.on_bad_request ? options.on_bad_request(status)
                                 : Answer{status, "text/plain", "bad request\n", {}},
          response);
    });
  }

  void bind(std::string_view flag) {
    errno = 0;
    const bool bound = address.port == 0 ? (address.port = server.bind_to_any_port(address.host)) > 0
                                         : server.bind_to_port(address.host, address.port);
    if (!bound) {
      const int why = errno;
      const std::string reason =
          why == EADDRINUSE ? "another program listens there; stop it or choose another port (0: a free one)"
          : why == EACCES   ? "that port needs privileges; choose one above 1023"
          : why != 0        ? std::strerror(why)
                            : "the host is not known";
      throw base::UserError("can't listen on {} (--{}): {}", address.text(), flag, reason);
    }
    ::listen(listener, backlog);  // the library's is 5
  }
};

Server::Server(const std::string& address, std::string_view flag, Options options, Handle handle)
    : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->handle = std::move(handle);
  state_->address = parse_address(address, flag);
  state_->configure();
  state_->bind(flag);
  state_->thread = std::thread([state = state_.get()] { state->server.listen_after_bind(); });
  // Stopping a server that does not run yet would be forgotten.
  while (!state_->server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Server::~Server() {
  state_->server.stop();
  if (state_->thread.joinable()) state_->thread.join();
}

std::string Server::address() const {
  return state_->address.text();
}

}  // namespace tamis::http
