#include "common/mail/domain_name.hpp"

#include <gtest/gtest.h>

namespace policyd::mail {
namespace {

TEST(IsValidDomainTest, AcceptsHostNames) {
    for (const char* domain : {"example.com", "localhost", "a_b.example", "1.example", "x-y.z",
                               "b\xc3\xbc"
                               "cher.example"})
        EXPECT_TRUE(IsValidDomain(domain)) << domain;
    EXPECT_TRUE(IsValidDomain(std::string(63, 'a') + ".example"));
}

TEST(IsValidDomainTest, RefusesWhatIsNone) {
    for (const char* domain :
         {"", ".", "example.com.", ".example.com", "a..b", "-a.example", "a-.example",
          "exa mple.com", "a/b", "192.0.2.1", "12", "a@b", "\xff.example"})
        EXPECT_FALSE(IsValidDomain(domain)) << domain;
    EXPECT_FALSE(IsValidDomain(std::string(64, 'a') + ".example"));
    std::string longest = "a";
    while (longest.size() < 255) longest += ".b";
    EXPECT_TRUE(IsValidDomain(longest));
    EXPECT_FALSE(IsValidDomain(longest + ".b"));
}

}  // namespace
}  // namespace policyd::mail
