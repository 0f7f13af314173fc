// SPDX-License-Identifier: Apache-2.0
#include "controller/short_sha256.h"

#include <fmt/format.h>

#include <openssl/evp.h>

#include <array>
#include <new>

namespace taskgroup {

std::string short_sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc(); // nothing else can go wrong
  std::string result;
  for (std::size_t i = 0; i < 5; ++i)
    result += fmt::format("{:02x}", digest[i]);
  return result;
}

} // namespace taskgroup
