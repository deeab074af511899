import {registry} from "@web/core/registry";

const tours = registry.category("web_tour.tours");

tours.add("logistics_ask_for_a_return_label", {
    steps: () => [
        {
            content: "The customer wants to send it back",
            trigger: "button:contains('Get a Return Label')",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "It is being made, and can't be asked for twice",
            trigger:
                "#portal_sale_content:contains('Your return label is being made'):not(:has(.o_logistics_return_label))",
        },
    ],
});

tours.add("logistics_print_the_return_label", {
    steps: () => [
        {
            content: "It is there",
            trigger: "a:contains('Print Return Label')[href*='access_token']",
            async run({anchor}) {
                const response = await fetch(anchor.href);
                if (!(await response.text()).startsWith("%PDF")) {
                    throw new Error("The link gives no label");
                }
            },
        },
    ],
});
