// The nearest right word, for errors about a wrong one.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tamis::base {

/// The candidate nearest to `word` by edits (a swap of neighbours counts as one), or empty when none is near.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// ` (did you mean "x"?)`, or empty.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace tamis::base
