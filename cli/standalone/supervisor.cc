#include "cli/standalone/supervisor.h"

#include <arpa/inet.h>
#include <gflags/gflags.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include <filesystem>

#include "cli/sibling.h"
#include "core/base/backoff.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/settings.h"
#include "core/base/stop.h"
#include "core/http/address.h"
#include "core/http/client.h"
#include "core/redis/client.h"

namespace tamis::cli {
namespace {

using base::Json;
using Clock = std::chrono::steady_clock;

/// Redis may have to read a long log back first.
constexpr auto ready_deadline = std::chrono::seconds(120);
/// A program that lived so long is restarted at once when it dies.
constexpr auto settled_after = std::chrono::seconds(60);

/// A port that was free a moment ago (0 asks for any); 0 when `port` is taken.
int free_port(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  socklen_t size = sizeof address;
  const bool free = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(fd, 1) == 0 &&
                    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  return free ? ntohs(address.sin_port) : 0;
}

std::string free_address() {
  return fmt::format("127.0.0.1:{}", free_port(0));
}

/// Settings that were given to us on the command line or in a file go to the programs as variables: those
/// that don't know one don't mind it there.
std::vector<std::pair<std::string, std::string>> forwarded_settings() {
  std::vector<std::pair<std::string, std::string>> out{{"TAMIS_CONFIG", ""}};
  for (const auto& flag : base::describe_flags()) {
    gflags::CommandLineFlagInfo info;
    if (flag.name == "config" || flag.name == "server" || flag.name == "redis" || flag.name == "data_dir")
      continue;
    if (gflags::GetCommandLineFlagInfo(flag.name.c_str(), &info) && info.current_value != info.default_value)
      out.emplace_back(flag.environment, info.current_value);
  }
  return out;
}

}  // namespace

Supervisor::Supervisor(StandaloneOptions options, Place& place, std::function<void(const std::string&)> tell)
    : options_(std::move(options)),
      place_(place),
      tell_(std::move(tell)),
      lines_(place.logs(), options_.show_lines, options_.colour) {
  if (!std::filesystem::is_directory(options_.dags))
    throw base::UserError("--dags: \"{}\" is no folder", options_.dags);
  options_.dags = std::filesystem::canonical(options_.dags).string();
  const bool chosen = !options_.listen.empty();
  auto address = http::parse_address(chosen ? options_.listen : "127.0.0.1:8080", "listen");
  if (address.port == 0 || (!chosen && free_port(address.port) == 0)) address.port = free_port(0);
  api_address_ = address.text();
}

std::string Supervisor::api_url() const {
  const auto address = http::parse_address(api_address_, "listen");
  return "http://" + (address.host == "0.0.0.0" ? fmt::format("127.0.0.1:{}", address.port) : api_address_);
}

std::vector<ChildSpec> Supervisor::specs() const {
  const auto environment = forwarded_settings();
  const std::string redis = "--redis=unix://" + place_.redis_socket() + "?db=0",
                    data = "--data_dir=" + place_.folder();
  std::vector<ChildSpec> all;
  const auto add = [&](std::string name, std::string program, std::vector<std::string> arguments,
                       std::string status) {
    all.push_back({.name = std::move(name),
                   .program = std::move(program),
                   .arguments = std::move(arguments),
                   .environment = environment,
                   .status_address = std::move(status),
                   .number = all.size()});
  };
  add("redis", "redis-server",
      {"--port", "0", "--unixsocket", place_.redis_socket(), "--unixsocketperm", "700", "--dir",
       place_.redis_folder(), "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction",
       "--daemonize", "no"},
      "");
  auto status = free_address();
  add("scheduler", sibling_path("tamis-scheduler"),
      {redis, data, "--dags=" + options_.dags, "--status_address=" + status}, status);
  for (int i = 1; i <= options_.workers; ++i) {
    status = free_address();
    add(fmt::format("worker-{}", i), sibling_path("tamis-worker"),
        {redis, data, fmt::format("--concurrency={}", options_.concurrency), "--queues=" + options_.queues,
         "--status_address=" + status},
        status);
  }
  std::vector<std::string> api{redis, data, "--dags=" + options_.dags, "--listen=" + api_address_,
                               "--data=" + options_.data};
  if (options_.allow_no_auth) api.push_back("--allow_no_auth");
  add("api", sibling_path("tamis-api"), api, api_url().substr(7));
  return all;
}

bool Supervisor::is_ready(const Child& child) const {
  if (child.spec().status_address.empty()) {
    try {
      redis::Client client({.url = "unix://" + place_.redis_socket(), .key_prefix = ""});
      return client.run({"PING"}).text == "PONG";
    } catch (const base::Error&) {
      return false;
    }
  }
  http::Request request;
  request.url = "http://" + child.spec().status_address + "/health";
  request.timeout = std::chrono::seconds(2);
  return http::fetch(request).status == 200;
}

void Supervisor::wait_until_ready(Child& child, const std::stop_token& stop) {
  const auto deadline = Clock::now() + ready_deadline;
  while (!is_ready(child)) {
    if (int status = 0; child.has_ended(status))
      throw base::Error("{} {}:\n{}its log is {}/{}.log", child.spec().name, describe_end(status),
                        lines_.tail(child.spec().name), place_.logs(), child.spec().name);
    if (Clock::now() > deadline)
      throw base::Error("{} does not answer after {} s:\n{}", child.spec().name, ready_deadline.count(),
                        lines_.tail(child.spec().name));
    if (base::wait_for(stop, std::chrono::milliseconds(20))) throw base::Error("stopped while starting");
  }
}

void Supervisor::start(const std::stop_token& stop) {
  for (auto& spec : specs()) {
    children_.push_back(std::make_unique<Child>(std::move(spec), lines_));
    children_.back()->start();
    // Everything else needs Redis; the others find each other by it in any order.
    if (children_.size() == 1) wait_until_ready(*children_.back(), stop);
  }
  for (auto& child : children_) {
    wait_until_ready(*child, stop);
    tell_(fmt::format("  {:<10} {:>7}  {}", child->spec().name, child->pid(),
                      child->spec().status_address.empty() ? "unix://" + place_.redis_socket()
                                                           : "http://" + child->spec().status_address));
  }
  write_state();
}

void Supervisor::restart_if_due(Child& child) {
  if (int status = 0; child.has_ended(status)) {
    base::Backoff backoff;
    const bool was_settled = Clock::now() - child.started_at > settled_after;
    child.restarts = was_settled ? 1 : child.restarts + 1;
    const auto wait = backoff.limit(child.restarts);
    child.restart_at = Clock::now() + wait;
    tell_(fmt::format("{} {}; started again in {}", child.spec().name, describe_end(status),
                      base::format_duration(wait)));
  }
  if (!child.is_running() && Clock::now() >= child.restart_at) {
    child.start();
    write_state();
  }
}

void Supervisor::watch(const std::stop_token& stop) {
  while (!base::wait_for(stop, std::chrono::milliseconds(100)))
    for (auto& child : children_) restart_if_due(*child);
}

void Supervisor::stop() {
  // Who answers first, then who works, then who decides, and last what they all remember by; workers all at
  // once.
  while (!children_.empty()) {
    const bool is_worker = children_.back()->spec().name.starts_with("worker-");
    if (is_worker)
      for (auto& child : children_)
        if (child->is_running() && child->spec().name.starts_with("worker-")) kill(child->pid(), SIGTERM);
    children_.back()->stop();
    children_.pop_back();
  }
}

void Supervisor::write_state() const {
  Json programs = Json::array();
  for (const auto& child : children_)
    programs.push_back({{"name", child->spec().name},
                        {"pid", child->pid()},
                        {"status_address", child->spec().status_address},
                        {"restarts", child->restarts}});
  place_.write_state({{"pid", getpid()},
                      {"api", api_url()},
                      {"redis", "unix://" + place_.redis_socket() + "?db=0"},
                      {"dags", options_.dags},
                      {"programs", programs}});
}

}  // namespace tamis::cli
