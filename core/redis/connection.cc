#include "core/redis/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

#include "core/base/error.h"

namespace tamis::redis {
namespace {

using Clock = std::chrono::steady_clock;

/// hiredis keeps what is to be sent in one string and moves its rest to the front after each write, so it
/// must stay short.
constexpr size_t output_bytes = 256 << 10;

timeval to_timeval(Deadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now()).count();
  const auto us = std::max<int64_t>(left, 1000);
  return {us / 1'000'000, us % 1'000'000};
}

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

Reply convert(const redisReply& r) {
  Reply out;
  switch (r.type) {
    case REDIS_REPLY_NIL:
      break;
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_ERROR:
      out.kind = r.type == REDIS_REPLY_STATUS   ? Reply::Kind::status
                 : r.type == REDIS_REPLY_STRING ? Reply::Kind::text
                                                : Reply::Kind::error;
      out.text.assign(r.str, static_cast<size_t>(r.len));
      break;
    case REDIS_REPLY_INTEGER:
      out.kind = Reply::Kind::integer;
      out.integer = r.integer;
      break;
    case REDIS_REPLY_ARRAY:
      out.kind = Reply::Kind::list;
      out.items.reserve(r.elements);
      for (size_t i = 0; i < r.elements; ++i) out.items.push_back(convert(*r.element[i]));
      break;
    default:
      break;
  }
  return out;
}

/// hiredis writes with write(2), so a peer that went away would end the process by SIGPIPE where main()
/// didn't ignore it.
void ignore_sigpipe() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL)
      std::signal(SIGPIPE, SIG_IGN);
  });
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.starts_with(word) && (text.size() == word.size() || text[word.size()] == ' ');
}

}  // namespace

void throw_error_reply(const Address& address, const std::string& command, const std::string& text) {
  static constexpr std::array<std::string_view, 10> transient = {
      "LOADING",  "BUSY", "READONLY", "MASTERDOWN", "CLUSTERDOWN",
      "TRYAGAIN", "OOM",  "MISCONF",  "NOREPLICAS", "UNBLOCKED"};
  for (const auto word : transient)
    if (starts_with_word(text, word))
      throw base::TransientError("Redis at {} can't run {} now: {}", address.text(), command, text);
  for (const std::string_view word : {"NOAUTH", "WRONGPASS", "NOPERM"})
    if (starts_with_word(text, word))
      throw base::UserError("Redis at {} refuses {}: {}; check the user and password in --redis",
                            address.text(), command, text);
  throw base::Error("Redis at {} answered {} with an error: {}", address.text(), command, text);
}

Connection::Connection(const Address& address, Deadline deadline)
    : address_(address), context_(nullptr, redisFree) {
  ignore_sigpipe();
  const timeval limit = to_timeval(deadline);
  context_.reset(address_.is_unix() ? redisConnectUnixWithTimeout(address_.path.c_str(), limit)
                                    : redisConnectWithTimeout(address_.host.c_str(), address_.port, limit));
  if (context_ == nullptr)
    throw base::TransientError("can't reach Redis at {}: out of memory", address_.text());
  if (context_->err != 0) {
    const bool late =
        context_->err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT || errno == EINPROGRESS);
    throw base::TransientError("can't reach Redis at {}: {}", address_.text(),
                               late ? "no answer in time" : context_->errstr);
  }
  if (!address_.is_unix()) redisEnableKeepAlive(context_.get());
  // From here on poll() waits, with our deadline for a whole answer and not, as SO_RCVTIMEO has it, for each
  // piece of one.
  context_->flags &= ~REDIS_BLOCK;
  fcntl(context_->fd, F_SETFL, fcntl(context_->fd, F_GETFL) | O_NONBLOCK);

  std::vector<Command> greeting;
  if (!address_.password.empty())
    greeting.push_back(address_.username.empty() ? Command{"AUTH", address_.password}
                                                 : Command{"AUTH", address_.username, address_.password});
  if (address_.database != 0) greeting.push_back({"SELECT", std::to_string(address_.database)});
  const auto answers = exchange(greeting, deadline);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i].is_error()) continue;
    if (greeting[i][0] == "AUTH" && !answers[i].text.starts_with("LOADING"))
      throw base::UserError(
          "Redis at {} refuses to log in{}: {}; check the user and password in --redis", address_.text(),
          address_.username.empty() ? "" : " user \"" + address_.username + "\"", answers[i].text);
    throw_error_reply(address_, greeting[i][0], answers[i].text);
  }
  sent_ = false;
}

void Connection::append(const Command& command) {
  std::vector<const char*> words(command.size());
  std::vector<size_t> sizes(command.size());
  for (size_t i = 0; i < command.size(); ++i) {
    words[i] = command[i].data();
    sizes[i] = command[i].size();
  }
  if (redisAppendCommandArgv(context_.get(), static_cast<int>(command.size()), words.data(), sizes.data()) !=
      REDIS_OK)
    fail(context_->errstr);
  writing_ = true;
}

bool Connection::turn(int wake_fd, Deadline deadline) {
  pollfd fds[2] = {{context_->fd, static_cast<short>(POLLIN | (writing_ ? POLLOUT : 0)), 0},
                   {wake_fd, POLLIN, 0}};
  const int ready = poll(fds, wake_fd >= 0 ? 2 : 1, milliseconds_until(deadline));
  if (ready < 0) {
    if (errno == EINTR) return true;
    fail(std::strerror(errno));
  }
  if (ready == 0) return Clock::now() < deadline;
  if (fds[1].revents != 0) return false;
  if ((fds[0].revents & POLLOUT) != 0) {
    int done = 0;
    sent_ = true;
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) fail(context_->errstr);
    writing_ = done == 0;
  }
  if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && redisBufferRead(context_.get()) != REDIS_OK)
    fail(context_->errstr);
  return true;
}

bool Connection::take_reply(Reply& reply) {
  void* raw = nullptr;
  if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) fail(context_->errstr);
  if (raw == nullptr) return false;
  const std::unique_ptr<void, void (*)(void*)> owner(raw, freeReplyObject);
  reply = convert(*static_cast<redisReply*>(raw));
  return true;
}

void Connection::flush(Deadline deadline) {
  while (writing_)
    if (!turn(-1, deadline)) fail("it took nothing more in time");
}

Reply Connection::read(Deadline deadline) {
  Reply reply;
  while (!take_reply(reply))
    if (!turn(-1, deadline)) fail("no answer in time");
  return reply;
}

bool Connection::poll_reply(Reply& reply, int wake_fd, Deadline deadline) {
  while (!take_reply(reply))
    if (!turn(wake_fd, deadline)) return false;
  return true;
}

std::vector<Reply> Connection::exchange(std::span<const Command> commands, Deadline deadline) {
  std::vector<Reply> replies;
  replies.reserve(commands.size());
  size_t next = 0;
  while (replies.size() < commands.size()) {
    size_t gathered = 0;
    while (next < commands.size() && !(writing_ && gathered >= output_bytes)) {
      append(commands[next]);
      for (const auto& word : commands[next]) gathered += word.size() + 16;
      ++next;
    }
    Reply reply;
    while (take_reply(reply)) replies.push_back(std::move(reply));
    if (replies.size() < commands.size() && !turn(-1, deadline)) fail("no answer in time");
    // What was gathered must leave before more is added to it.
    while (writing_ && next < commands.size()) {
      if (!turn(-1, deadline)) fail("it took nothing more in time");
      while (take_reply(reply)) replies.push_back(std::move(reply));
    }
  }
  return replies;
}

bool Connection::is_usable() const {
  pollfd fd = {context_->fd, POLLIN, 0};
  return poll(&fd, 1, 0) == 0;
}

void Connection::fail(const std::string& why) const {
  throw base::TransientError("lost the connection to Redis at {}: {}", address_.text(), why);
}

}  // namespace tamis::redis
