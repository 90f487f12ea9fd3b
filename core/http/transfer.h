// One request on its way through libcurl: its options, and the answer as it comes in.  Used by fetch and
// Multi.
#pragma once
#include <curl/curl.h>

#include <memory>
#include <stop_token>

#include "core/http/client.h"

namespace tamis::http {

struct EasyDelete {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, EasyDelete>;

/// A new handle; starts libcurl at the first call.  Throws Error when there is no memory.
Easy make_easy();

class Transfer {
 public:
  /// Sets the options of `easy`, which must live longer.  Neither may move until the transfer ends.
  Transfer(CURL* easy, Request request, std::stop_token stop);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_; }
  /// To be called once, when libcurl has ended with `code`.
  Response finish(CURLcode code);
  Request take_request() { return std::move(request_); }

 private:
  static size_t on_body(char* bytes, size_t size, size_t count, void* self);
  static size_t on_header(char* bytes, size_t size, size_t count, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  CURL* easy_;
  Request request_;
  std::stop_token stop_;
  Response response_;
  curl_slist* headers_ = nullptr;
  bool too_long_ = false;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace tamis::http
