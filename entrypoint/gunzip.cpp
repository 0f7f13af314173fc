// SPDX-License-Identifier: Apache-2.0
// zlib's inflate would make the agent 42 kB larger; this makes it 3 kB larger, and a plan is small.
#include "entrypoint/gunzip.h"

#include <array>
#include <cstdint>

namespace taskgroup {

namespace {

constexpr unsigned max_code_length = 15;
constexpr std::size_t literal_codes = 288;
constexpr std::size_t distance_codes = 32;
constexpr unsigned end_of_block = 256;

// A canonical Huffman code (RFC 1951, 3.2.2): how many codes there are of each length, and their
// symbols in the order of the codes.
struct Code {
  std::array<std::uint16_t, max_code_length + 1> counts{};
  std::array<std::uint16_t, literal_codes> symbols{};

  // Make it of the length of each symbol's code, 0 for none. Return whether that many codes fit.
  bool make(const std::uint8_t* lengths, std::size_t size) {
    counts.fill(0);
    for (std::size_t i = 0; i < size; ++i) {
      ++counts.at(lengths[i]);
    }
    counts[0] = 0;
    int left = 1;
    std::array<std::uint16_t, max_code_length + 2> next{};
    for (unsigned length = 1; length <= max_code_length; ++length) {
      left = 2 * left - counts.at(length);
      if (left < 0) {
        return false;
      }
      next.at(length + 1) = static_cast<std::uint16_t>(next.at(length) + counts.at(length));
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (lengths[i] != 0) {
        symbols.at(next.at(lengths[i])++) = static_cast<std::uint16_t>(i);
      }
    }
    return true;
  }
};

// Reads a stream of bits; beyond its end there are only zeros.
class Bits {
public:
  explicit Bits(std::string_view bytes) : m_bytes(bytes) {}

  // Tell whether more was taken than there is.
  bool overrun() const { return m_overrun; }

  std::uint32_t take(unsigned count) {
    while (m_held_bits < count) {
      m_overrun = m_overrun || m_next == m_bytes.size();
      const std::uint32_t byte = m_overrun ? 0U : static_cast<unsigned char>(m_bytes[m_next++]);
      m_held |= byte << m_held_bits;
      m_held_bits += 8;
    }
    const std::uint32_t value = m_held & ((1U << count) - 1);
    m_held >>= count;
    m_held_bits -= count;
    return value;
  }

  // Return the next symbol; one that no code has if the code is not complete and this is not in it.
  unsigned take(const Code& code) {
    std::uint32_t value = 0;
    std::uint32_t first = 0;
    std::uint32_t index = 0;
    for (unsigned length = 1; length <= max_code_length; ++length) {
      value = value << 1U | take(1);
      first <<= 1U;
      const std::uint32_t count = code.counts.at(length);
      if (value - first < count) {
        return code.symbols.at(index + value - first);
      }
      first += count;
      index += count;
    }
    return literal_codes;
  }

  // Leave out what is left of the current byte; whole bytes that were looked at are given back.
  void align() {
    m_next -= m_held_bits / 8;
    m_held = 0;
    m_held_bits = 0;
  }

  // Return what follows, after align().
  std::string_view rest() const { return m_bytes.substr(m_next); }
  void skip(std::size_t bytes) { m_next += bytes; }

private:
  std::string_view m_bytes;
  std::size_t m_next = 0;
  std::uint32_t m_held = 0;
  unsigned m_held_bits = 0;
  bool m_overrun = false;
};

// Unpacks the blocks of RFC 1951. Each function returns whether all is well.
class Inflate {
public:
  Inflate(Bits& bits, std::size_t limit) : m_bits(bits), m_limit(limit) {}

  bool run() {
    for (bool last = false; !last;) {
      last = m_bits.take(1) != 0;
      const std::uint32_t type = m_bits.take(2);
      const bool read = type == 0   ? stored()
                        : type == 1 ? make_fixed() && coded()
                        : type == 2 ? make_dynamic() && coded()
                                    : false;
      if (!read || m_bits.overrun()) {
        return false;
      }
    }
    m_bits.align();
    return true;
  }

  bool too_large() const { return m_too_large; }

  std::string out;

private:
  bool room(std::size_t size) {
    m_too_large = m_too_large || size > m_limit - out.size();
    return !m_too_large;
  }

  bool stored() {
    m_bits.align();
    const std::uint32_t size = m_bits.take(16);
    const std::uint32_t check = m_bits.take(16);
    const std::string_view rest = m_bits.rest();
    if (size != (check ^ 0xffffU) || size > rest.size() || !room(size)) {
      return false;
    }
    out += rest.substr(0, size);
    m_bits.skip(size);
    return true;
  }

  bool make_fixed() {
    std::array<std::uint8_t, literal_codes> lengths{};
    for (std::size_t i = 0; i < literal_codes; ++i) {
      lengths.at(i) = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    }
    m_literals.make(lengths.data(), literal_codes);
    lengths.fill(5);
    return m_distances.make(lengths.data(), distance_codes);
  }

  bool make_dynamic() {
    constexpr std::array<std::uint8_t, 19> order = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                    11, 4,  12, 3, 13, 2, 14, 1, 15};
    const std::size_t literals = m_bits.take(5) + 257;
    const std::size_t distances = m_bits.take(5) + 1;
    const std::size_t used = m_bits.take(4) + 4;
    std::array<std::uint8_t, literal_codes + distance_codes> lengths{};
    for (std::size_t i = 0; i < used; ++i) {
      lengths.at(order.at(i)) = static_cast<std::uint8_t>(m_bits.take(3));
    }
    if (literals > literal_codes || !m_literals.make(lengths.data(), order.size())) {
      return false;
    }
    lengths.fill(0);
    for (std::size_t i = 0; i < literals + distances;) {
      const unsigned symbol = m_bits.take(m_literals);
      if (symbol < 16) {
        lengths.at(i++) = static_cast<std::uint8_t>(symbol);
        continue;
      }
      if (symbol > 18 || (symbol == 16 && i == 0)) {
        return false;
      }
      const std::uint8_t repeated = symbol == 16 ? lengths.at(i - 1) : std::uint8_t{0};
      std::size_t times = symbol == 16   ? 3 + m_bits.take(2)
                          : symbol == 17 ? 3 + m_bits.take(3)
                                         : 11 + m_bits.take(7);
      if (times > literals + distances - i) {
        return false;
      }
      for (; times > 0; --times) {
        lengths.at(i++) = repeated;
      }
    }
    return m_literals.make(lengths.data(), literals)
           && m_distances.make(lengths.data() + literals, distances);
  }

  // A block of literals and of what is to be copied from before (RFC 1951, 3.2.5).
  bool coded() {
    while (!m_bits.overrun()) {
      const unsigned symbol = m_bits.take(m_literals);
      if (symbol == end_of_block) {
        return true;
      }
      if (symbol < end_of_block) {
        if (!room(1)) {
          return false;
        }
        out += static_cast<char>(symbol);
        continue;
      }
      const unsigned length_code = symbol - end_of_block - 1;
      if (length_code > 28) {
        return false;
      }
      const unsigned length_bits = length_code < 8 || length_code == 28 ? 0 : length_code / 4 - 1;
      std::size_t length = length_code < 8     ? 3 + length_code
                           : length_code == 28 ? 258
                                               : ((4 + length_code % 4) << length_bits) + 3;
      length += m_bits.take(length_bits);
      const unsigned distance_code = m_bits.take(m_distances);
      if (distance_code > 29) {
        return false;
      }
      const unsigned distance_bits = distance_code < 4 ? 0 : distance_code / 2 - 1;
      std::size_t distance =
          distance_code < 4 ? 1 + distance_code : ((2 + distance_code % 2) << distance_bits) + 1;
      distance += m_bits.take(distance_bits);
      if (distance > out.size() || !room(length)) {
        return false;
      }
      for (; length > 0; --length) { // the copy may reach into itself
        out += out[out.size() - distance];
      }
    }
    return false;
  }

  Bits& m_bits;
  std::size_t m_limit;
  bool m_too_large = false;
  Code m_literals;
  Code m_distances;
};

// The check sum of RFC 1952, 8, four bits at a time.
std::uint32_t crc32(std::string_view bytes) {
  constexpr std::array<std::uint32_t, 16> table = [] {
    std::array<std::uint32_t, 16> values{};
    for (std::uint32_t i = 0; i < values.size(); ++i) {
      values.at(i) = i;
      for (int bit = 0; bit < 4; ++bit) {
        values.at(i) = values.at(i) >> 1U ^ ((values.at(i) & 1U) != 0 ? 0xedb88320U : 0U);
      }
    }
    return values;
  }();
  std::uint32_t crc = 0xffffffffU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    crc = crc >> 4U ^ table.at(crc & 0xfU);
    crc = crc >> 4U ^ table.at(crc & 0xfU);
  }
  return ~crc;
}

// Leave out the header (RFC 1952, 2.3); return whether it is one.
bool take_header(Bits& bits) {
  constexpr std::uint32_t has_check = 2;
  constexpr std::uint32_t has_extra = 4;
  constexpr std::uint32_t has_name = 8;
  constexpr std::uint32_t has_comment = 16;
  const bool known = bits.take(16) == 0x8b1fU && bits.take(8) == 8;
  const std::uint32_t flags = bits.take(8);
  for (int i = 0; i < 3; ++i) {
    bits.take(16); // time, and who wrote it
  }
  if ((flags & has_extra) != 0) {
    for (std::uint32_t left = bits.take(16); left > 0; --left) {
      bits.take(8);
    }
  }
  for (const std::uint32_t text : {has_name, has_comment}) {
    while ((flags & text) != 0 && !bits.overrun() && bits.take(8) != 0) {
    }
  }
  if ((flags & has_check) != 0) {
    bits.take(16);
  }
  return known && !bits.overrun();
}

std::uint32_t take_word(Bits& bits) {
  const std::uint32_t low = bits.take(16);
  return bits.take(16) << 16U | low;
}

} // namespace

bool is_gzip(std::string_view bytes) { return bytes.substr(0, 2) == "\x1f\x8b"; }

tl::expected<std::string, std::string> gunzip(std::string_view bytes, std::size_t limit) {
  Bits bits(bytes);
  Inflate inflate(bits, limit);
  const bool whole = take_header(bits) && inflate.run();
  if (inflate.too_large()) {
    return tl::make_unexpected("unpacked it has more than " + std::to_string(limit) + " bytes");
  }
  const std::uint32_t crc = take_word(bits);
  const std::uint32_t size = take_word(bits);
  if (bits.overrun()) {
    return tl::make_unexpected(std::string("its end is missing"));
  }
  if (!whole || crc != crc32(inflate.out)
      || size != static_cast<std::uint32_t>(inflate.out.size())) {
    return tl::make_unexpected(std::string("it is not as gzip writes it"));
  }
  bits.align();
  if (!bits.rest().empty()) {
    return tl::make_unexpected(std::string("more follows its end"));
  }
  return std::move(inflate.out);
}

} // namespace taskgroup
