#include "core/http/client.h"

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>

#include "core/base/error.h"
#include "core/http/transfer.h"

namespace tamis::http {

Response fetch(const Request& request, const std::stop_token& stop) {
  thread_local const Easy easy = make_easy();
  Transfer transfer(easy.get(), request, stop);
  return transfer.finish(curl_easy_perform(easy.get()));
}

struct Multi::State {
  struct Job {
    Request request;
    std::function<void(Request, Response)> on_done;
  };
  struct Active {
    Easy easy;
    std::unique_ptr<Transfer> transfer;  // after `easy`: it is destroyed first, and resets the handle
    std::function<void(Request, Response)> on_done;
  };

  explicit State(size_t limit) : max_in_flight(limit), multi(curl_multi_init()) {
    if (multi == nullptr) throw base::Error("libcurl could not be started");
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(limit * 2));
    thread = std::thread([this] { drive(); });
  }
  ~State() {
    {
      std::lock_guard lock(mutex);
      closing = cancelling = true;
    }
    curl_multi_wakeup(multi);
    thread.join();
    idle.clear();
    curl_multi_cleanup(multi);
  }

  void drive() {
    for (;;) {
      std::deque<Job> dropped;
      bool cancel_now = false, close_now = false;
      {
        std::lock_guard lock(mutex);
        cancel_now = std::exchange(cancelling, false);
        close_now = closing;
        if (cancel_now) dropped.swap(waiting);
      }
      if (cancel_now) {
        while (!active.empty()) end(active.begin(), CURLE_ABORTED_BY_CALLBACK);
        for (auto& job : dropped) job.on_done(std::move(job.request), {.error = "the request was cancelled"});
      }
      if (close_now) return;
      start_waiting();
      int running = 0;
      curl_multi_perform(multi, &running);
      int left = 0;
      bool ended = false;
      while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        for (auto it = active.begin(); it != active.end(); ++it)
          if (it->easy.get() == message->easy_handle) {
            end(it, code);
            break;
          }
        ended = true;
      }
      if (!ended) curl_multi_poll(multi, nullptr, 0, 60'000, nullptr);
    }
  }

  void start_waiting() {
    while (active.size() < max_in_flight) {
      Job job;
      {
        std::lock_guard lock(mutex);
        if (waiting.empty()) return;
        job = std::move(waiting.front());
        waiting.pop_front();
      }
      Easy easy;
      if (idle.empty()) {
        easy = make_easy();
      } else {
        easy = std::move(idle.back());
        idle.pop_back();
      }
      auto transfer = std::make_unique<Transfer>(easy.get(), std::move(job.request), std::stop_token());
      curl_multi_add_handle(multi, easy.get());
      active.push_back({std::move(easy), std::move(transfer), std::move(job.on_done)});
    }
  }

  void end(std::list<Active>::iterator it, CURLcode code) {
    Active done = std::move(*it);
    active.erase(it);
    curl_multi_remove_handle(multi, done.easy.get());
    Response response = done.transfer->finish(code);
    Request request = done.transfer->take_request();
    done.transfer.reset();
    idle.push_back(std::move(done.easy));
    done.on_done(std::move(request), std::move(response));
  }

  const size_t max_in_flight;
  CURLM* const multi;
  std::mutex mutex;
  std::deque<Job> waiting;                   // under `mutex`
  bool cancelling = false, closing = false;  // under `mutex`
  std::list<Active> active;                  // the driving thread's
  std::vector<Easy> idle;                    // the driving thread's
  std::thread thread;
};

Multi::Multi(size_t max_in_flight) : state_(std::make_unique<State>(max_in_flight)) {}
Multi::~Multi() = default;

void Multi::send(Request request, std::function<void(Request, Response)> on_done) {
  {
    std::lock_guard lock(state_->mutex);
    state_->waiting.push_back({std::move(request), std::move(on_done)});
  }
  curl_multi_wakeup(state_->multi);
}

void Multi::cancel() {
  {
    std::lock_guard lock(state_->mutex);
    state_->cancelling = true;
  }
  curl_multi_wakeup(state_->multi);
}

std::string url_encode(std::string_view text) {
  static constexpr char digit[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
        c == '.' || c == '~')
      out += c;
    else
      out.append({'%', digit[byte >> 4], digit[byte & 15]});
  }
  return out;
}

}  // namespace tamis::http
