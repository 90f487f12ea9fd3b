// The failures that end the work at hand.  The subclass says what the caller may do about it; records that
// can't be used are values (records::Rejection), never exceptions.
#pragma once
#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace tamis::base {

/// A failure with a message for the person who reads it: what was tried, on what, why not, and what to do.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
  template <typename First, typename... Rest>
  Error(fmt::format_string<First, Rest...> format, First&& first, Rest&&... rest)
      : std::runtime_error(fmt::format(format, std::forward<First>(first), std::forward<Rest>(rest)...)) {}
};

/// The input is wrong and only its author can mend it: never retried; API 400, CLI exit 2.
class UserError : public Error {
 public:
  using Error::Error;
};

/// What was named does not exist: API 404, CLI exit 3.
class NotFound : public UserError {
 public:
  using UserError::UserError;
};

/// What was asked for is there already or has changed meanwhile: API 409, CLI exit 4.
class Conflict : public UserError {
 public:
  using UserError::UserError;
};

/// The world is wrong for a moment: retried by policy; API 503, CLI exit 5.
class TransientError : public Error {
 public:
  using Error::Error;
};

}  // namespace tamis::base
