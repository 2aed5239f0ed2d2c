// streams.hpp against numbers that profunda/_seeds.py computed.
#include "streams.hpp"

#include "buffers.hpp"
#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

// key("streams of the native tests"), and the extremes.
constexpr uint64_t KEYS[3] = {0x28e380b76fe41bcdu, 0, 0xffffffffffffffffu};
constexpr int64_t MANY = 100'000;

// Words must be equal as integers: a double holds 32 bits of them, not 64.
#define CHECK_WORD(found, wanted) CHECK(uint64_t{found} == uint64_t{wanted})

static void mixing() {
    CHECK_WORD(mix64(0), 0);
    CHECK_WORD(mix64(1), 0x5692161d100b05e5u);
    CHECK_WORD(mix64(GOLDEN), 0xe220a8397b1dcdafu);
    CHECK_WORD(mix64(0xffffffffffffffffu), 0xb4d055fcf2cbbd7bu);
}

// streams(KEYS, "dropout"), and subkeys of it.
static void subkeys() {
    const uint64_t streams[3] = {0xc21c84f09b6184d9u, 0x5a8fd2ddf7853654u, 0x14362a9cf5040d57u};
    const struct {
        uint64_t step, layer, wanted[3];
    } cases[] = {
        {0, 0, {0x9c4ae1af0ecd63c1u, 0x1517c82923e30423u, 0x2c4ed86535c473f7u}},
        {1, 0, {0x5460f22cccc88c35u, 0x3c181900eb2cdffdu, 0x355e092137dd4cfeu}},
        {0, 1, {0xeead12b63eb003b2u, 0xad10ee5d0b6dc573u, 0xeaf6a66ac3235e5cu}},
        {12345678901, 8, {0x079816a20a824955u, 0xfb2eb58c93e1af15u, 0x79897c493c01efc9u}},
    };
    for (const auto& one : cases) {
        for (int i = 0; i < 3; ++i) CHECK_WORD(subkey(streams[i], one.step, one.layer), one.wanted[i]);
    }
}

static void premixed_words() {
    const struct {
        int64_t place;
        uint32_t wanted;
    } cases[] = {{0, 0x688990c0u},     {1, 0x9f505634u},     {2, 0x43c5316au},
                 {65535, 0xd9c16a60u}, {65536, 0x46fb7bddu}, {100000, 0xd89f0a20u}};
    Buffer<uint32_t> table(MANY + 1);
    fill_premix(table, 0, 7);
    fill_premix(table, 7, MANY + 1);
    for (const auto& one : cases) {
        CHECK_WORD(premix(static_cast<uint32_t>(one.place)), one.wanted);
        CHECK_WORD(table[one.place], one.wanted);
    }
}

struct Words {
    Buffer<uint32_t> table, bits;
    Words(uint64_t key, int64_t n) : table(rounded_up(static_cast<int>(n), WORDS)), bits(table.count) {
        fill_premix(table, 0, table.count);
        fill_bits(key, table.count, table, bits);
    }
};

static void bits_of_keys() {
    const int64_t places[] = {0, 1, 2, 3, 64, 99'999};
    const uint32_t wanted[3][6] = {
        {0x4099b342u, 0x81e3d49bu, 0x92ab7db9u, 0xde078f96u, 0x6361263bu, 0x57528e69u},
        {0x58f54975u, 0x23064794u, 0x8d594fa8u, 0xa3c00eaeu, 0xcece1da9u, 0xe9b1aee0u},
        {0x9bd9272bu, 0xa663eeccu, 0xc05b5529u, 0xcdc7cc7au, 0x724b7d2au, 0x7e97859du},
    };
    const uint32_t parities[3] = {0xedf32e88u, 0x41c59d0du, 0xa940164cu};
    const uint64_t totals[3] = {213'997'127'346'034u, 214'388'020'278'235u, 214'712'562'929'380u};
    for (int key = 0; key < 3; ++key) {
        const Words words(KEYS[key], MANY);
        for (int i = 0; i < 6; ++i) CHECK_WORD(words.bits[places[i]], wanted[key][i]);
        uint32_t parity = 0;
        uint64_t total = 0;
        for (int64_t i = 0; i < MANY; ++i) parity ^= words.bits[i], total += words.bits[i];
        CHECK_WORD(parity, parities[key]);
        CHECK_WORD(total, totals[key]);
    }
}

static void bits_do_not_depend_on_their_number() {
    const Words all(KEYS[0], MANY);
    for (const int64_t n : List<int64_t>{1, 2, 3, 65}) {
        const Words few(KEYS[0], n);
        for (int64_t i = 0; i < n; ++i) CHECK_WORD(few.bits[i], all.bits[i]);
    }
}

static void halfwords() {
    const int64_t places[] = {0, 1, 2, 3, 64, 65, 99'999};
    const uint16_t wanted[3][7] = {{45890, 16537, 54427, 33251, 55021, 30882, 55863},
                                   {18805, 22773, 18324, 8966, 61374, 460, 23291},
                                   {10027, 39897, 61132, 42595, 19977, 53193, 53122}};
    for (int key = 0; key < 3; ++key) {
        const Words words(KEYS[key], words_of(MANY));
        const char* bytes = reinterpret_cast<const char*>(words.bits.numbers);
        for (int i = 0; i < 7; ++i) {
            uint16_t half;
            __builtin_memcpy(&half, bytes + 2 * places[i], 2);
            CHECK_EQUAL(half, wanted[key][i]);
        }
    }
    // Room for all halfwords, in whole vectors.
    for (int64_t n = 0; n < 200; ++n) {
        CHECK(2 * words_of(n) >= n && words_of(n) % WORDS == 0 && words_of(n) < n / 2 + 1 + WORDS);
    }
}

struct Order {
    Buffer<uint32_t> table, bits, starts;
    Buffer<uint64_t> ranked;
    Buffer<int32_t> order;
    Order(uint64_t key, int64_t n)
        : table(rounded_up(static_cast<int>(n), WORDS)), bits(table.count), starts((int64_t{1} << log_buckets_of(n)) + 1),
          ranked(n), order(n) {
        fill_premix(table, 0, table.count);
        // A second call finds what the first left in the buffers.
        permutation(key + 1, n, table, bits, ranked, starts, order);
        permutation(key, n, table, bits, ranked, starts, order);
    }
};

static void short_permutations() {
    const int32_t two[3][2] = {{0, 1}, {1, 0}, {0, 1}}, three[3][3] = {{0, 1, 2}, {1, 0, 2}, {0, 1, 2}};
    const int32_t longer[65] = {14, 23, 57, 30, 13, 15, 11, 39, 21, 50, 12, 56, 45, 9,  34, 27, 28, 5,  0,  31, 52, 37,
                                19, 16, 36, 48, 22, 20, 47, 49, 64, 55, 25, 32, 44, 62, 1,  53, 6,  8,  59, 2,  63, 10,
                                24, 46, 7,  54, 51, 43, 17, 35, 61, 3,  40, 26, 60, 29, 42, 4,  41, 38, 58, 18, 33};
    for (int key = 0; key < 3; ++key) {
        CHECK_EQUAL(Order(KEYS[key], 1).order[0], 0);
        const Order of_two(KEYS[key], 2), of_three(KEYS[key], 3);
        for (int i = 0; i < 2; ++i) CHECK_EQUAL(of_two.order[i], two[key][i]);
        for (int i = 0; i < 3; ++i) CHECK_EQUAL(of_three.order[i], three[key][i]);
    }
    const Order of_many(KEYS[0], 65);
    for (int i = 0; i < 65; ++i) CHECK_EQUAL(of_many.order[i], longer[i]);
}

static void long_permutations() {
    const int32_t firsts[3][5] = {{51169, 52177, 56929, 89653, 45134},
                                  {89417, 67213, 70969, 14930, 53098},
                                  {43483, 69164, 25399, 21717, 31886}};
    const int32_t lasts[3][5] = {{76342, 31174, 39532, 43455, 10227},
                                 {10167, 21645, 72559, 28355, 76950},
                                 {61826, 38874, 50948, 36334, 17673}};
    // Of place × row, places counted from 1.
    const uint64_t sums[3] = {250'160'620'275'319u, 249'948'636'026'604u, 249'778'070'367'308u};
    for (int key = 0; key < 3; ++key) {
        const Order found(KEYS[key], MANY);
        uint64_t sum = 0;
        for (int64_t i = 0; i < MANY; ++i) {
            sum += static_cast<uint64_t>(i + 1) * static_cast<uint64_t>(found.order[i]);
        }
        CHECK_WORD(sum, sums[key]);
        for (int i = 0; i < 5; ++i) {
            CHECK_EQUAL(found.order[i], firsts[key][i]);
            CHECK_EQUAL(found.order[MANY - 5 + i], lasts[key][i]);
        }
    }
}

// Equal words keep the order of their rows; a table of equal numbers makes all words equal.
static void ties_keep_their_order() {
    constexpr int64_t n = 257;
    Buffer<uint32_t> table(rounded_up(n, WORDS), 7), bits(table.count), starts((1 << log_buckets_of(n)) + 1);
    Buffer<uint64_t> ranked(n);
    Buffer<int32_t> order(n);
    permutation(KEYS[0], n, table, bits, ranked, starts, order);
    for (int64_t i = 0; i < n; ++i) CHECK_EQUAL(order[i], i);
}

static void every_row_once() {
    for (int64_t n = 1; n <= 300; ++n) {
        const Order found(KEYS[0] + static_cast<uint64_t>(n), n);
        Buffer<int> seen(n);
        for (int64_t i = 0; i < n; ++i) seen[found.order[i]] += 1;
        for (int64_t i = 0; i < n; ++i) CHECK_EQUAL(seen[i], 1);
    }
}

PROFUNDA_GROUP(streams,
               {"mixing", mixing},
               {"subkeys", subkeys},
               {"premixed words", premixed_words},
               {"bits of keys", bits_of_keys},
               {"bits do not depend on their number", bits_do_not_depend_on_their_number},
               {"halfwords", halfwords},
               {"short permutations", short_permutations},
               {"long permutations", long_permutations},
               {"ties keep their order", ties_keep_their_order},
               {"every row once", every_row_once})

}  // namespace profunda::PROFUNDA_ISA
