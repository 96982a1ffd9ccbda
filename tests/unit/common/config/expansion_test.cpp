#include "common/config/expansion.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace policyd::config {
namespace {

std::string DomainOf(const std::string& host, const std::string& domain = "") {
    Settings settings;
    settings.myhostname = host;
    settings.mydomain = domain;
    settings.mydestination = {"localhost.$mydomain"};
    const Settings expanded = Expanded(settings);
    EXPECT_EQ(expanded.mydestination, Strings{"localhost." + expanded.mydomain});
    return expanded.mydomain;
}

TEST(ExpansionTest, MydomainIsWhatFollowsTheFirstDotOfMyhostname) {
    EXPECT_EQ(DomainOf("mx.lab.example.com"), "lab.example.com");
    EXPECT_EQ(DomainOf("example.com"), "com");
    EXPECT_EQ(DomainOf("mx"), "localdomain");
}

TEST(ExpansionTest, MydomainIsLeftAloneWhereItIsSet) {
    EXPECT_EQ(DomainOf("mx.$mydomain", "example.org"), "example.org");
    EXPECT_EQ(DomainOf("mx.example.com", "example.org"), "example.org");
}

TEST(ExpansionTest, MydomainHasToBeSetWhereMyhostnameNeedsIt) {
    EXPECT_THROW(DomainOf("mx.$mydomain"), std::invalid_argument);
}

}  // namespace
}  // namespace policyd::config
