// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <utility>

namespace taskgroup {

// Owns a file descriptor and closes it.
class Fd {
public:
  Fd() = default;
  explicit Fd(int number) : m_number(number) {}
  ~Fd() { reset(); }

  Fd(Fd&& other) noexcept : m_number(std::exchange(other.m_number, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      m_number = std::exchange(other.m_number, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return m_number; }
  explicit operator bool() const { return m_number >= 0; }

  // Give the descriptor away; the caller closes it.
  int release() { return std::exchange(m_number, -1); }

  // Close it, if there is one.
  void reset() {
    if (m_number >= 0) {
      ::close(std::exchange(m_number, -1));
    }
  }

private:
  int m_number = -1;
};

} // namespace taskgroup
