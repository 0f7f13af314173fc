// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace taskgroup {

namespace {

constexpr std::size_t longest_name = 64;
constexpr std::size_t farthest = 3;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Return the optimal string alignment distance, letter case ignored; both are at most longest_name.
std::size_t distance(std::string_view left, std::string_view right) {
  using Row = std::array<std::size_t, longest_name + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= right.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= left.size(); ++i) {
    before_last = last;
    last = row;
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const bool same = lower(left[i - 1]) == lower(right[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(left[i - 1]) == lower(right[j - 2])
          && lower(left[i - 2]) == lower(right[j - 1])) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[right.size()];
}

template <typename Name>
std::optional<std::string_view> find_nearest(std::string_view wanted,
                                             std::span<const Name> candidates) {
  std::optional<std::string_view> nearest;
  std::size_t least = farthest + 1;
  if (wanted.empty() || wanted.size() > longest_name) {
    return nearest;
  }
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > longest_name) {
      continue;
    }
    const std::size_t edits = distance(wanted, candidate);
    if (edits < least && edits * 3 <= std::max(wanted.size(), candidate.size())) {
      least = edits;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string question(std::optional<std::string_view> name) {
  return name ? " (did you mean \"" + std::string(*name) + "\"?)" : "";
}

} // namespace

std::optional<std::string_view> nearest_name(std::string_view wanted,
                                             std::span<const std::string_view> candidates) {
  return find_nearest(wanted, candidates);
}

std::optional<std::string_view> nearest_name(std::string_view wanted,
                                             std::span<const std::string> candidates) {
  return find_nearest(wanted, candidates);
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string_view> candidates) {
  return question(nearest_name(wanted, candidates));
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string> candidates) {
  return question(nearest_name(wanted, candidates));
}

} // namespace taskgroup
