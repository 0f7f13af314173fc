// SPDX-License-Identifier: Apache-2.0
#include "kube/timestamp.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>

namespace taskgroup::kube {
namespace {

using namespace std::chrono;

std::string format(WallTime time, bool micro) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<microseconds>(time - day));
  std::array<char, 64> text{};
  const int date_size = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  std::string result(text.data(), static_cast<std::size_t>(date_size));
  if (micro) {
    const int size = std::snprintf(text.data(), text.size(), ".%06d",
                                   static_cast<int>(clock.subseconds().count()));
    result.append(text.data(), static_cast<std::size_t>(size));
  }
  return result + "Z";
}

// Reads fixed-width numbers and separators off the front of a text.
class Scanner {
public:
  explicit Scanner(std::string_view text) : m_text(text) {}

  bool skip(char wanted) {
    if (m_text.empty() || m_text.front() != wanted) {
      return false;
    }
    m_text.remove_prefix(1);
    return true;
  }

  std::optional<int> number(std::size_t digits) {
    int value = 0;
    if (m_text.size() < digits) {
      return std::nullopt;
    }
    const char* end = m_text.data() + digits;
    const auto [stop, error] = std::from_chars(m_text.data(), end, value);
    if (error != std::errc{} || stop != end || value < 0 || m_text.front() == '-') {
      return std::nullopt;
    }
    m_text.remove_prefix(digits);
    return value;
  }

  // Microseconds of a fraction of any length; at least one digit.
  std::optional<int> fraction() {
    int value = 0;
    int count = 0;
    while (!m_text.empty() && m_text.front() >= '0' && m_text.front() <= '9') {
      if (count < 6) {
        value = value * 10 + (m_text.front() - '0');
      }
      ++count;
      m_text.remove_prefix(1);
    }
    for (int digit = count; digit < 6; ++digit) {
      value *= 10;
    }
    return count == 0 ? std::nullopt : std::optional<int>(value);
  }

  bool at_end() const { return m_text.empty(); }

private:
  std::string_view m_text;
};

} // namespace

std::string to_rfc3339(WallTime time) { return format(time, false); }

std::string to_rfc3339_micro(WallTime time) { return format(time, true); }

std::optional<WallTime> from_rfc3339(std::string_view text) {
  Scanner scanner(text);
  const auto year_number = scanner.number(4);
  const bool first_dash = scanner.skip('-');
  const auto month_number = scanner.number(2);
  const bool second_dash = scanner.skip('-');
  const auto day_number = scanner.number(2);
  if (!year_number || !first_dash || !month_number || !second_dash || !day_number
      || !(scanner.skip('T') || scanner.skip('t'))) {
    return std::nullopt;
  }
  const auto hour = scanner.number(2);
  const bool first_colon = scanner.skip(':');
  const auto minute = scanner.number(2);
  const bool second_colon = scanner.skip(':');
  const auto second = scanner.number(2);
  if (!hour || !first_colon || !minute || !second_colon || !second || *hour > 23 || *minute > 59
      || *second > 60) {
    return std::nullopt;
  }
  int fraction = 0;
  if (scanner.skip('.')) {
    const auto read = scanner.fraction();
    if (!read) {
      return std::nullopt;
    }
    fraction = *read;
  }
  minutes offset{0};
  if (!scanner.skip('Z') && !scanner.skip('z')) {
    const bool east = scanner.skip('+');
    if (!east && !scanner.skip('-')) {
      return std::nullopt;
    }
    const auto offset_hours = scanner.number(2);
    const bool colon = scanner.skip(':');
    const auto offset_minutes = scanner.number(2);
    if (!offset_hours || !colon || !offset_minutes || *offset_hours > 23 || *offset_minutes > 59) {
      return std::nullopt;
    }
    offset = hours(*offset_hours) + minutes(*offset_minutes);
    if (!east) {
      offset = -offset;
    }
  }
  const year_month_day date(year(*year_number), month(static_cast<unsigned>(*month_number)),
                            day(static_cast<unsigned>(*day_number)));
  if (!scanner.at_end() || !date.ok()) {
    return std::nullopt;
  }
  return sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second)
         + microseconds(fraction) - offset;
}

} // namespace taskgroup::kube
