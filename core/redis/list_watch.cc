#include "core/redis/list_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/error.h"
#include "core/redis/connection.h"

namespace tamis::redis {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

/// How long Redis holds one BLMOVE; a connection that is silent for `grace` longer is dead.
constexpr auto hold = seconds(30);
constexpr auto grace = seconds(10);

}  // namespace

struct ListWatch::State {
  struct Watched {
    std::unique_ptr<Connection> connection;
    bool waiting = false;  ///< a BLMOVE is under way
    Deadline deadline;
  };

  State(const base::RedisConnection& connection, std::vector<std::string> lists_)
      : address(parse_address(connection.url)),
        lists(std::move(lists_)),
        watched(lists.size()),
        wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake < 0) throw base::Error("can't watch Redis at {}: no file descriptor left", address.text());
  }
  ~State() { close(wake); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void ask(size_t i) {
    auto& w = watched[i];
    if (w.connection == nullptr)
      w.connection = std::make_unique<Connection>(address, Clock::now() + seconds(5));
    if (w.waiting) return;
    w.connection->append({"BLMOVE", lists[i], lists[i], "RIGHT", "RIGHT", std::to_string(hold.count())});
    w.connection->flush(Clock::now() + seconds(5));
    w.waiting = true;
    w.deadline = Clock::now() + hold + grace;
  }

  /// Takes the answers that are there; returns whether one of them says that a list has something.
  bool take() {
    bool something = false;
    for (size_t i = 0; i < watched.size(); ++i) {
      auto& w = watched[i];
      Reply reply;
      if (!w.waiting || !w.connection->poll_reply(reply, -1, Clock::now())) {
        if (w.waiting && Clock::now() > w.deadline)
          throw base::TransientError("Redis at {} is silent", address.text());
        continue;
      }
      w.waiting = false;
      if (reply.is_error()) throw_error_reply(address, "BLMOVE", reply.text);
      if (!reply.is_nil()) something = true;
    }
    return something;
  }

  bool wait(base::Duration duration) {
    const auto until = Clock::now() + duration;
    for (;;) {
      if (take()) return true;
      for (size_t i = 0; i < watched.size(); ++i) ask(i);
      std::vector<pollfd> fds{{wake, POLLIN, 0}};
      for (const auto& w : watched) fds.push_back({w.connection->descriptor(), POLLIN, 0});
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
      if (left <= 0) return false;
      const int ready = poll(fds.data(), fds.size(), static_cast<int>(std::min<int64_t>(left, 10'000)));
      if (ready < 0 && errno != EINTR) throw base::Error("can't wait for Redis at {}", address.text());
      if (fds[0].revents != 0) {
        uint64_t count = 0;
        [[maybe_unused]] const auto size = read(wake, &count, sizeof count);
        return false;
      }
    }
  }

  Address address;
  std::vector<std::string> lists;
  std::vector<Watched> watched;
  int wake;
};

ListWatch::ListWatch(base::RedisConnection connection, std::vector<std::string> lists)
    : state_(std::make_unique<State>(connection, std::move(lists))) {}
ListWatch::~ListWatch() = default;

bool ListWatch::wait(base::Duration wait) {
  try {
    return state_->wait(wait);
  } catch (...) {
    for (auto& watched : state_->watched) watched = {};
    throw;
  }
}

void ListWatch::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const auto size = write(state_->wake, &one, sizeof one);
}

}  // namespace tamis::redis
