#include "core/http/transfer.h"

#include <algorithm>
#include <mutex>

#include "core/base/error.h"

namespace tamis::http {

Easy make_easy() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  Easy easy(curl_easy_init());
  if (!easy) throw base::Error("libcurl could not be started");
  return easy;
}

Transfer::Transfer(CURL* easy, Request request, std::stop_token stop)
    : easy_(easy), request_(std::move(request)), stop_(std::move(stop)) {
  const auto milliseconds =
      std::max<long>(1, std::chrono::ceil<std::chrono::milliseconds>(request_.timeout).count());
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, milliseconds);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, std::min<long>(milliseconds, 10'000));
  curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
  curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, 128L << 10);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  if (stop_.stop_possible()) {
    curl_easy_setopt(easy_, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy_, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    curl_easy_setopt(easy_, CURLOPT_XFERINFODATA, this);
  }
  if (!request_.ca.empty()) curl_easy_setopt(easy_, CURLOPT_CAINFO, request_.ca.c_str());

  const auto& method = request_.method;
  if (method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    // A known size: no chunked encoding.
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.c_str());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
  } else {
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
  }

  const auto& who = request_.authentication;
  if (!who.username.empty()) {
    curl_easy_setopt(easy_, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy_, CURLOPT_USERNAME, who.username.c_str());
    curl_easy_setopt(easy_, CURLOPT_PASSWORD, who.password.c_str());
  }
  if (!who.authorization.empty())
    headers_ = curl_slist_append(headers_, ("Authorization: " + who.authorization).c_str());
  bool typed = false;
  for (const auto& header : request_.headers) {
    headers_ = curl_slist_append(headers_, header.c_str());
    typed = typed || curl_strnequal(header.c_str(), "Content-Type:", 13);
  }
  // Without these libcurl would wait for "100 Continue" before a long body, and call every body a form.
  headers_ = curl_slist_append(headers_, "Expect:");
  if (!typed) headers_ = curl_slist_append(headers_, "Content-Type:");
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
}

Transfer::~Transfer() {
  curl_easy_reset(easy_);
  curl_slist_free_all(headers_);
}

size_t Transfer::on_body(char* bytes, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const size_t n = size * count;
  if (transfer.response_.body.size() + n > transfer.request_.max_response_bytes) {
    transfer.too_long_ = true;
    return 0;
  }
  transfer.response_.body.append(bytes, n);
  return n;
}

size_t Transfer::on_header(char* bytes, size_t size, size_t count, void* self) {
  auto& headers = static_cast<Transfer*>(self)->response_.headers;
  const size_t n = size * count;
  std::string_view line(bytes, n);
  if (line.starts_with("HTTP/")) headers.clear();  // of a "100 Continue" before
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || headers.size() > 200) return n;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  line.remove_prefix(colon + 1);
  const auto first = line.find_first_not_of(" \t\r\n"), last = line.find_last_not_of(" \t\r\n");
  headers.emplace(std::move(name),
                  first == std::string_view::npos ? "" : std::string(line.substr(first, last - first + 1)));
  return n;
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(self)->stop_.stop_requested() ? 1 : 0;
}

Response Transfer::finish(CURLcode code) {
  long sent = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &sent);
  response_.sent = sent > 0;
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    response_.sent = true;
    return std::move(response_);
  }
  response_.body.clear();
  response_.headers.clear();
  if (too_long_)
    response_.error = fmt::format("the answer is longer than {} bytes", request_.max_response_bytes);
  else if (code == CURLE_ABORTED_BY_CALLBACK)
    response_.error = "the request was cancelled";
  else
    response_.error = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
  return std::move(response_);
}

}  // namespace tamis::http
