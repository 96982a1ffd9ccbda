#pragma once

#include <cstddef>
#include <random>
#include <vector>

namespace policyd::scanner {

/// Some of many things that are offered one after the other, each as likely as the others. Kept by
/// their addresses: they outlive this.
template <typename Thing>
class RandomSample {
public:
    RandomSample(std::size_t most, unsigned seed) : most_(most), random_(seed) {}

    void Offer(const Thing& thing) {
        ++offered_;
        if (drawn_.size() < most_) {
            drawn_.push_back(&thing);
        } else if (const std::size_t place = random_() % offered_; place < most_) {
            drawn_[place] = &thing;
        }
    }

    const std::vector<const Thing*>& Drawn() const { return drawn_; }

private:
    const std::size_t most_;
    std::minstd_rand random_;
    std::size_t offered_ = 0;
    std::vector<const Thing*> drawn_;
};

}  // namespace policyd::scanner
