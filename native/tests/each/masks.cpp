// masks.hpp against thresholds and scales written out.
#include "masks.hpp"

#include "buffers.hpp"
#include "lists.hpp"

namespace profunda::PROFUNDA_ISA {

// Counts of 65,536 halfwords that are dropped: ties go to the even one, and one halfword is always kept.
static void rates() {
    const struct {
        double rate, count;
    } cases[] = {{0, 0},
                 {0.25, 16384},
                 {0.5, 32768},
                 {0.1, 6554},
                 {0.5 / 65536, 0},
                 {1.5 / 65536, 2},
                 {1e-9, 0},
                 {65535.0 / 65536, 65535},
                 {0.9999999, 65535}};
    for (const auto& one : cases) {
        const Rate rate(one.rate);
        CHECK_EQUAL(rate.limit, one.count);
        CHECK_NEAR(rate.scale, 1 / (1 - one.count / 65536), 1e-15 * rate.scale);
        const double share = one.count / 65536;
        CHECK_NEAR(rate.deviation(), __builtin_sqrt(share / (1 - share)), 1e-15 * rate.deviation());
    }
}

// All 65,536 halfwords in order, and room for a load that begins at the last.
struct AllHalves {
    Buffer<uint32_t> words;
    AllHalves() : words(32768 + WORDS) {
        for (uint32_t i = 0; i < 32768; ++i) words[i] = 2 * i | (2 * i + 1) << 16;
    }
};

template <class T>
static void bernoulli_thresholds() {
    const AllHalves all;
    for (const double dropped : List<double>{0.0, 1e-9, 0.1, 0.25, 0.5, 0.9, 0.9999999}) {
        const Rate rate(dropped);
        const Bernoulli<T> mask(all.words, rate);
        // Steps of an odd number: masks of narrow layers begin anywhere.
        for (ptrdiff_t place = 0; place < 65536; place += LANES<T> - 1) {
            const Vec<T> found = mask.at(place);
            for (int i = 0; i < LANES<T> && place + i < 65536; ++i) {
                CHECK_EQUAL(found[i], place + i >= rate.limit ? static_cast<T>(rate.scale) : T(0));
            }
        }
    }
}

// Over all halfwords, what is kept times its scale must come to 1 on average.
static void bernoulli_keeps_the_mean() {
    const AllHalves all;
    for (const double dropped : List<double>{0.1, 0.5, 0.73}) {
        const Bernoulli<double> mask(all.words, Rate(dropped));
        double sum = 0;
        for (ptrdiff_t place = 0; place < 65536; place += LANES<double>) sum += sum_of<double>(mask.at(place));
        CHECK_NEAR(sum / 65536, 1, 1e-12);
    }
}

template <class T>
static void gaussian_takes_its_quantile() {
    const AllHalves all;
    Buffer<T> quantiles(65536);
    for (int i = 0; i < 65536; ++i) quantiles[i] = static_cast<T>((i - 32767.5) / 18918.6);
    const uint16_t* halves = reinterpret_cast<const uint16_t*>(all.words.numbers);
    for (const double dropped : List<double>{0.0, 0.2, 0.9}) {
        const T deviation = static_cast<T>(Rate(dropped).deviation());
        const Gaussian<T> mask{halves, quantiles, deviation};
        for (ptrdiff_t place = 0; place + LANES<T> <= 65536; place += 5) {
            const Vec<T> found = mask.at(place);
            for (int i = 0; i < LANES<T>; ++i) {
                const double wanted = 1 + static_cast<double>(deviation) * quantiles[place + i];
                CHECK_NEAR(found[i], wanted, (sizeof(T) == 4 ? 3e-7 : 1e-15) * (1 + __builtin_fabs(wanted)));
            }
        }
    }
}

PROFUNDA_GROUP(masks,
               {"rates", rates},
               {"Bernoulli thresholds, float", bernoulli_thresholds<float>},
               {"Bernoulli thresholds, double", bernoulli_thresholds<double>},
               {"Bernoulli keeps the mean", bernoulli_keeps_the_mean},
               {"Gaussian takes its quantile, float", gaussian_takes_its_quantile<float>},
               {"Gaussian takes its quantile, double", gaussian_takes_its_quantile<double>})

}  // namespace profunda::PROFUNDA_ISA
